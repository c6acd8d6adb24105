"""What happened on a site years ago, told to its database as if it were then.

    python -m tests.kit.years_ago DATA TAG     prints {"token": …} as JSON

Handles end in TAG. Asha was suspended three years ago. Since then champa let go of her, dilip,
whom she follows, has written for his followers only, and bela simply stayed.
"""

import datetime as dt
import json
import sys
from pathlib import Path

import django.utils.timezone

PASSWORD = "a-quiet-lamp-7"
_real = django.utils.timezone.now
_years_ago = 0


def _then() -> dt.datetime:
    return _real() - dt.timedelta(days=365 * _years_ago)


django.utils.timezone.now = _then


def main(data: Path, tag: str) -> None:
    from samvad.base.settings import load
    from samvad.web.setup import setup

    setup(data, load(data))
    from samvad.accounts import service, ties
    from samvad.moderation.kinds import Action
    from samvad.moderation.service import decide
    from samvad.posts.service import create

    global _years_ago  # noqa: PLW0603
    _years_ago = 4
    people = {}
    for handle, name in (
        ("asha", "Asha Patel"), ("bela", "Bela Shah"), ("champa", "Champa"), ("dilip", "Dilip"),
    ):  # fmt: skip
        people[handle], token = service.create_user(handle + tag, name=name, password=PASSWORD)
        if handle == "asha":
            ashas = token
    asha = people["asha"]
    ties.follow(people["bela"], asha)
    ties.follow(people["champa"], asha)
    ties.follow(asha, people["dilip"])
    create(asha, "The river is low this year.")
    _years_ago = 3
    decide(asha, Action.SUSPEND, by=None, reason="After a false report", rule="other")
    _years_ago = 2
    ties.unfollow(people["champa"], asha)
    create(people["dilip"], "Only for those who follow me.", visibility="followers")
    print(json.dumps({"token": ashas}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
