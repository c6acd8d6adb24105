"""Search: one seam over the full text of SQLite (FTS5) and of PostgreSQL.

`put` and `drop` keep the rows; `refs` finds. What is found is not thereby readable: the caller asks
seen.py, or whoever says who may see it. Words are compared as they are, without stems, so that all
languages are served alike; the last word may be unfinished.
"""

import re

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from samvad.posts.models import Gone, Post, SearchRow, Visibility

POST, PERSON, EVENT = "post", "person", "event"
WORDS_MAX = 8
FOUND_MAX = 2000
"""Newest rows that are looked through; a query of two common words shall not read the table."""

_WORD = re.compile(r"[\w\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u200c\u200d]+")


def put(kind: str, ref: str, words: str) -> None:
    """From now on `ref` is found by these words; by none: no longer."""
    if words.strip():
        SearchRow.objects.update_or_create(kind=kind, ref=ref, defaults={"words": words})
    else:
        drop(kind, ref)


def drop(kind: str, ref: str) -> None:
    SearchRow.objects.filter(kind=kind, ref=ref).delete()


def put_post(post: Post) -> None:
    """Keep a post's words up to date. What only those mentioned may read is not searched."""
    searched = post.gone == Gone.NO and post.visibility != Visibility.MENTIONED
    put(POST, post.pk, f"{post.warning} {post.text}" if searched else "")


def words_of(query: str) -> list[str]:
    """The words that are looked for, WORDS_MAX at most."""
    return _WORD.findall(query)[:WORDS_MAX]


def refs(kind: str, query: str) -> QuerySet[SearchRow, str]:
    """What has all words of `query`, as a queryset of refs for `filter(pk__in=…)`."""
    rows = SearchRow.objects.filter(kind=kind)
    words = words_of(query)
    if not words:
        return rows.none().values_list("ref", flat=True)
    find = _postgresql if connection.vendor == "postgresql" else _sqlite
    return rows.filter(pk__in=find(kind, words)).values_list("ref", flat=True)


def _sqlite(kind: str, words: list[str]) -> RawSQL:
    # In quotes every word is a word, whatever FTS5 would have read it as.
    asked = " ".join(f'"{word}"' for word in words) + "*"
    return RawSQL(
        "SELECT rowid FROM posts_searchtext WHERE posts_searchtext MATCH %s "
        "ORDER BY rowid DESC LIMIT %s",
        (f"kind : {kind} AND words : ({asked})", FOUND_MAX),
    )


def _postgresql(kind: str, words: list[str]) -> RawSQL:
    asked = " & ".join(f"'{word}'" for word in words) + ":*"
    return RawSQL(
        "SELECT id FROM posts_searchrow WHERE kind = %s "
        "AND to_tsvector('simple', words) @@ to_tsquery('simple', %s) "
        "ORDER BY id DESC LIMIT %s",
        (kind, asked, FOUND_MAX),
    )
