"""Which database the site is kept in, in the words of Django."""

from typing import Any
from urllib.parse import unquote, urlsplit

from samvad.base.folders import Folders
from samvad.base.settings import WebSettings


def database(web: WebSettings, folders: Folders) -> dict[str, Any]:
    """SQLite in the data folder, or the PostgreSQL that web.database_url names."""
    if web.database_url:
        return _postgresql(web.database_url, web.threads)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folders.web / "samvad.sqlite3",
        "OPTIONS": {
            # A writer waits for another writer; taking the write lock first (IMMEDIATE) means
            # that it never finds out half-way that it cannot have it.
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _postgresql(url: str, threads: int) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # A connection for each thread, kept: to open one costs more than most pages.
        "OPTIONS": {"pool": {"min_size": 1, "max_size": threads + 2, "timeout": 20}},
    }
