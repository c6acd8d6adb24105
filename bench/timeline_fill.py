"""Fills a site with accounts, follows and posts for `bench.timeline`, and gives out sessions.

    python -m bench.timeline_fill ACCOUNTS POSTS FOLLOWS READERS    (the site: $SAMVAD_DATA)

Prints a JSON object: the seconds it took, and for each reader the value of a session's cookie.
Rows go in by the database's own bulk way; what is measured later is read through the models.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from samvad.base.settings import data_folder, load
from samvad.web.setup import setup

SPAN_DAYS = 90
REPOSTS, REPLIES = 0.1, 0.25
NOW_PARTS = (
    "the river",
    "a quiet lamp",
    "two astronomers",
    "નદી",
    "नदी",
    "the first train",
    "rain",
)


def main(argv: list[str]) -> int:
    accounts, posts, follows, readers = map(int, argv[1:5])
    data = data_folder()
    setup(data, load(data))
    from samvad.web.migrate import migrate

    migrate()
    began = time.monotonic()
    chance = random.Random(7)
    _accounts(accounts)
    _follows(accounts, follows, readers, chance)
    _posts(accounts, posts, chance)
    _searched()
    _analyze()
    took = time.monotonic() - began
    print(json.dumps({"seconds": round(took, 1), "sessions": _sessions(readers)}))
    return 0


def _columns(model: Any, values: dict[str, Any]) -> tuple[str, list[str], list[Any]]:
    """Table, columns and defaults of a model: those in `values`, the others as Django would."""
    names, made = [], []
    for field in model._meta.concrete_fields:
        if field.column == "id" and "id" not in values and field.name == "id":
            continue
        names.append(field.column)
        value = values.get(field.name, field.get_default())
        made.append("" if value is None and not field.null else value)
    return model._meta.db_table, names, made


def _insert(model: Any, rows: Iterator[dict[str, Any]], sample: dict[str, Any]) -> None:
    from django.db import connection, transaction

    table, names, defaults = _columns(model, sample)
    places = {field.name: names.index(field.column) for field in model._meta.concrete_fields
              if field.column in names}  # fmt: skip
    quoted = ", ".join(connection.ops.quote_name(name) for name in names)

    def whole() -> Iterator[list[Any]]:
        for row in rows:
            made = list(defaults)
            for name, value in row.items():
                made[places[name]] = value
            yield made

    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            raw = cursor.cursor
            with raw.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy:
                for made in whole():
                    copy.write_row(made)
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.cursor.executemany(
                f"INSERT INTO {table} ({quoted}) VALUES ({marks})".replace("%s", "?"),
                map(_plain, whole()),
            )


def _plain(made: list[Any]) -> list[Any]:
    return [str(v) if hasattr(v, "isoformat") else v for v in made]


def _accounts(count: int) -> None:
    from samvad.accounts.models import User

    rows = (
        {"handle": f"u{n}", "display_name": f"Person {n}", "password": "!"} for n in range(count)
    )
    _insert(User, rows, {"handle": "", "password": "!"})


def _follows(accounts: int, follows: int, readers: int, chance: random.Random) -> None:
    """Readers follow `follows` accounts, some of which everybody follows."""
    from samvad.accounts.models import Follow, User

    first = User.objects.order_by("pk").values_list("pk", flat=True)[0]

    def rows() -> Iterator[dict[str, Any]]:
        for reader in range(readers):
            whom: set[int] = set()
            while len(whom) < follows:
                popular = chance.random() < 0.3
                whom.add(chance.randrange(min(accounts, 500) if popular else accounts))
            for other in whom - {reader}:
                yield {"follower": first + reader, "followed": first + other}

    _insert(Follow, rows(), {"follower": 0, "followed": 0})


def _posts(accounts: int, count: int, chance: random.Random) -> None:
    import datetime as dt

    from samvad.accounts.models import User
    from samvad.posts.models import Post
    from samvad.posts.names import post_id

    first = User.objects.order_by("pk").values_list("pk", flat=True)[0]
    now_ms = time.time_ns() // 1_000_000
    step = SPAN_DAYS * 24 * 3600 * 1000 / count

    def rows() -> Iterator[dict[str, Any]]:
        before: list[tuple[str, int]] = []
        for n in range(count):
            at_ms = int(now_ms - (count - n) * step)
            author = first + int(accounts * chance.random() ** 2)
            row: dict[str, Any] = {
                "id": post_id(at_ms, n % 1_000_000),
                "author": author,
                "created_at": dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC),
                "text": f"{chance.choice(NOW_PARTS)} and {chance.choice(NOW_PARTS)} #{n % 500}x",
            }
            kind = chance.random()
            if before and kind < REPOSTS:
                row |= {"repost_of": before[-chance.randrange(1, len(before) + 1)][0], "text": ""}
            elif before and kind < REPOSTS + REPLIES:
                to, whom = before[-chance.randrange(1, len(before) + 1)]
                row |= {"reply_to": to, "root": to, "answers": whom}
            else:
                before.append((row["id"], author))
                del before[:-1000]
            yield row

    _insert(Post, rows(), {"id": "", "author": 0})


def _searched() -> None:
    """The worker shall not take this for a site from before there was a search, and fill it."""
    from samvad.posts import search

    search.put(search.PERSON, "u0", "u0")
    search.put(search.EVENT, "none", "none")


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _sessions(readers: int) -> list[str]:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from samvad.accounts.models import User

    made = []
    for user in User.objects.order_by("pk")[:readers]:
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        made.append(str(session.session_key))
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv))
