"""People, an event, and a data folder for each test."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from samvad.accounts.models import User
from samvad.base.folders import Folders
from samvad.events.models import Event
from samvad.events.service import create_event

PASSWORD = "a-quiet-lamp-7"


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> Folders:
    """The data folder of this test."""
    settings.FOLDERS = Folders(tmp_path)
    settings.FOLDERS.make()
    return settings.FOLDERS


@pytest.fixture(autouse=True)
def no_rates() -> Iterator[None]:
    """Rate limits count anew in each test."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is one transaction: its connection stays open when a response is closed.
    (SQLite's in memory does so by itself, PostgreSQL's does not.)"""
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("asha", "asha@example.org", PASSWORD, display_name="Asha Patel")


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("bela", "", PASSWORD)


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("sami", "", PASSWORD, is_staff=True)


@pytest.fixture
def soon() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=3)


@pytest.fixture
def event(owner: User, soon: dt.datetime) -> Event:
    """Announced, with two speakers beside the host."""
    return create_event(
        owner,
        "Rivers and cities",
        "Who owns the water?",
        starts=soon,
        zone="Asia/Kolkata",
        seats=500,
        speakers=["Bela", "ચંપા"],
    )


@pytest.fixture
def as_owner(owner: User) -> Client:
    return logged_in(owner)


@pytest.fixture
def as_other(other: User) -> Client:
    return logged_in(other)


@pytest.fixture
def as_staff(staff: User) -> Client:
    return logged_in(staff)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client
