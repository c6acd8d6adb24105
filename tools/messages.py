#!/usr/bin/env python
"""The words of pages and messages in Gujarati and Hindi.

    tools/messages.py update     bring the .po files up to date with the sources
    tools/messages.py compile    make the .mo files that pages are served from
    tools/messages.py check      say what is not translated; 1 when there is anything

Sources are Python files and templates of the Django side. Babel does the work, so GNU gettext
need not be installed; Django's own `templatize` turns a template into something like Python.
"""

import datetime
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [
    ROOT / "src/samvad" / room
    for room in ("accounts", "notices", "events", "posts", "moderation", "federation", "web")
]
LOCALE = ROOT / "src/samvad/web/locale"
LANGUAGES = ("gu", "hi")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}


def po_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def template() -> Catalog:
    """Every message the sources hold."""
    catalog = Catalog(project="Samvad", charset="utf-8")
    for path in sorted(p for folder in SOURCES for p in folder.rglob("*")):
        if path.suffix not in (".py", ".html", ".txt"):
            continue
        for message, context in _messages(path):
            catalog.add(
                message,
                context=context,
                locations=[(path.relative_to(ROOT).as_posix(), 0)],
                flags=["python-format"] if "%(" in str(message) else [],
            )
    return catalog


def _messages(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        from django.utils.translation.template import templatize

        # What is between two calls is rows of X and spaces: no Python, as the indents are any.
        source = "\n".join(
            line.strip() for line in templatize(source, origin=path.name).split("\n")
        )
    found = extract(
        "python", io.BytesIO(source.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}
    )
    for _line, message, _comments, context in found:
        yield message, context


def read(language: str) -> Catalog:
    """The language's catalogue, with a header that changes only when a message does."""
    path = po_path(language)
    catalog = Catalog(locale=language)
    if path.is_file():
        with open(path, "rb") as source:
            catalog = read_po(source, locale=language, abort_invalid=True)
    catalog.project, catalog.version, catalog.charset = "Samvad", "1", "utf-8"
    name = catalog.locale.english_name if catalog.locale else language
    catalog.header_comment = f"# {name}: brought up to date by tools/messages.py"
    catalog.creation_date = catalog.revision_date = datetime.datetime(
        2026, 11, 23, tzinfo=datetime.UTC
    )
    catalog.last_translator = catalog.language_team = "Samvad"
    catalog.msgid_bugs_address = ""
    catalog.fuzzy = False
    return catalog


def update() -> int:
    wanted = template()
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(wanted, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = read(language).creation_date
        po_path(language).parent.mkdir(parents=True, exist_ok=True)
        with open(po_path(language), "wb") as out:
            write_po(
                out, catalog, width=100, sort_output=True, include_lineno=False, omit_header=False
            )
    return check()


def compile_all() -> int:
    for language in LANGUAGES:
        with open(po_path(language).with_suffix(".mo"), "wb") as out:
            write_mo(out, read(language))
    return 0


def check() -> int:
    """Complain of what is missing, empty, fuzzy, or does not fill the same places."""
    complaints = []
    wanted = template()
    for language in LANGUAGES:
        catalog = read(language)
        for message in wanted:
            if not message.id:
                continue
            have = catalog.get(message.id, context=message.context)
            strings = (
                []
                if have is None
                else [have.string]
                if isinstance(have.string, str)
                else list(have.string)
            )
            if have is None or not strings or not all(strings):
                complaints.append(f"{language}: not translated: {message.id!r}")
            elif have.fuzzy:
                complaints.append(f"{language}: fuzzy: {message.id!r}")
            else:
                complaints += [f"{language}: {message.id!r}: {e}" for e in have.check(catalog)]
    print("\n".join(complaints) or "every message is translated", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    commands = {"update": update, "compile": compile_all, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]]())
