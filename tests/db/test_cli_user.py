"""`samvad user suspend | reinstate | moderator | official` and `samvad audit`."""

import json
from types import SimpleNamespace

import pytest
from django.db import connection

from samvad.accounts.models import User
from samvad.base.errors import PlainError
from samvad.base.settings import Settings
from samvad.cli import audit, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the function of a command for this site, without setting Django up again."""
    for module in (user, audit):
        monkeypatch.setattr(module, "django", lambda site: None)
    site = SimpleNamespace(settings=Settings())

    def go(command, **options):
        command.callback.__wrapped__(site, **options)
        return capsys.readouterr().out

    return go


def test_suspended_and_reinstated(run, owner):
    told = json.loads(
        run(user.suspend, handle="@asha", reason="Spam", rule="spam", for_s=86_400.0, json_=True)
    )
    assert told["handle"] == "asha"
    assert told["standing"] == "suspended"
    assert told["until"]
    assert User.objects.get(pk=owner.pk).standing == "suspended"
    told = json.loads(run(user.reinstate, handle="asha", reason="Enough", json_=True))
    assert told["standing"] == "active"
    with pytest.raises(PlainError, match="so already"):
        run(user.reinstate, handle="asha", reason="Again", json_=False)


def test_what_is_not_there_is_said(run, owner):
    with pytest.raises(PlainError, match="no account"):
        run(user.suspend, handle="nobody", reason="x", rule="spam", for_s=None, json_=False)
    with pytest.raises(PlainError, match="no rule"):
        run(user.suspend, handle="asha", reason="x", rule="y", for_s=None, json_=False)


def test_marks(run, owner):
    assert "moderates" in run(user.moderator, handle="asha", off=False, reason="Elected")
    assert "the city" in run(user.official, handle="asha", office="the city", reason="By letter")
    run(user.two_moderators, handle="asha", off=False, reason="So")
    found = User.objects.get(pk=owner.pk)
    assert found.is_moderator
    assert found.two_moderators
    run(user.official, handle="asha", office="", reason="No more")
    assert not User.objects.get(pk=owner.pk).official


def test_the_log_is_checked_and_shown(run, owner):
    run(user.suspend, handle="asha", reason="Spam", rule="spam", for_s=None, json_=False)
    told = json.loads(run(audit.verify, noted=None, json_=True))
    assert told["ok"]
    assert told["rows"] == 1
    assert "@asha" in run(audit.show, last=5, subject=None, json_=False)
    run(audit.verify, noted=f"1:{told['seal']}", json_=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditrow SET reason = 'Nothing'")
    with pytest.raises(PlainError, match="Row 1"):
        run(audit.verify, noted=None, json_=False)
    with pytest.raises(PlainError, match="no number"):
        run(audit.verify, noted="x", json_=False)
