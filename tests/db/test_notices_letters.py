"""Letters and the digest: to proven addresses only, never twice, and ended by one POST."""

import datetime as dt
import re
import smtplib

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from samvad.notices import digest, letters, service
from samvad.notices.kinds import Kind
from samvad.notices.models import Letter, Wishes
from samvad.web import off_links, told

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def reader(owner):
    """Asha, whose address is proven."""
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    return owner


def post(now):
    digest.write_due(now, told.digest)
    return letters.send_due(now + dt.timedelta(seconds=1))


def test_a_digest_says_what_was_not_read_and_never_the_same_twice(reader, other):
    now = timezone.now()
    seen = service.tell(reader, Kind.REPLY, other, ("post", "0"))
    service.read(reader, ids=[seen.pk])
    for n in range(12):
        service.tell(reader, Kind.FOLLOW, other, ("post", str(n)))
    service.tell(reader, Kind.EVENT_MOVED, None, ("event", "x"), {"title": "Rivers"})
    assert post(now) == 0, "the first comes a day after the first thing told"
    assert post(now + DAY) == 1
    letter = mail.outbox[0]
    assert letter.to == ["asha@example.org"]
    assert letter.subject == "12 notifications on Samvad"
    assert letter.body.count("bela follows you.") == 10
    assert "and 2 more." in letter.body
    assert "answered" not in letter.body
    assert "Rivers" not in letter.body, "what has a letter of its own is not told again"
    assert post(now + 2 * DAY) == 0, "nothing new"
    service.tell(reader, Kind.REPLY, other, ("post", "9"))
    assert post(now + 3 * DAY) == 1
    assert mail.outbox[1].subject == "1 notification on Samvad"


@pytest.mark.parametrize(("lang", "has"), [("gu", "સૂચના"), ("hi", "सूचना")])
def test_a_digest_is_in_the_readers_language(reader, other, lang, has):
    service.remember_reader(reader, lang, "Asia/Kolkata")
    service.tell(reader, Kind.FOLLOW, other)
    post(timezone.now() + DAY)
    assert has in mail.outbox[0].subject
    assert "follows" not in mail.outbox[0].body


def test_nobody_gets_mail_at_an_address_they_have_not_proven(owner, other):
    EmailAddress.objects.create(user=owner, email=owner.email, verified=False, primary=True)
    service.tell(owner, Kind.FOLLOW, other)
    post(timezone.now())
    assert post(timezone.now() + DAY) == 0
    letters.write(owner, "x", "S", "T")
    assert letters.send_due(timezone.now() + DAY) == 0
    assert not Letter.objects.exists()


def test_a_digest_ends_by_the_link_in_it(reader, other, client):
    service.tell(reader, Kind.FOLLOW, other)
    post(timezone.now())
    post(timezone.now() + DAY)
    header = mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    assert header in mail.outbox[0].body
    assert mail.outbox[0].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.sub(r"^http://[^/]+", "", header)
    assert client.get(path).status_code == 200
    assert service.wishes(reader).digest == Wishes.DAILY, "looking is not ending"
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert service.wishes(reader).digest == Wishes.OFF
    assert client.post(path + "x").status_code == 404
    assert off_links.read("") is None


def test_a_letter_is_written_once_and_tried_again_while_the_server_is_away(
    reader, monkeypatch, settings
):
    now = timezone.now() + dt.timedelta(seconds=1)
    assert letters.write(reader, "one", "Subject\nX: y", "Text")
    assert not letters.write(reader, "one", "Subject", "Text")

    def refuse(self, messages):
        raise smtplib.SMTPServerDisconnected("gone")

    backend = "django.core.mail.backends.locmem.EmailBackend.send_messages"
    with monkeypatch.context() as patch:
        patch.setattr(backend, refuse)
        assert letters.send_due(now) == 0
    assert letters.send_due(now) == 0, "a minute later"
    assert letters.send_due(now + dt.timedelta(minutes=2)) == 1
    assert mail.outbox[0].subject == "Subject X: y"
    assert not Letter.objects.exists()


def test_a_letter_nobody_takes_is_given_up(reader, monkeypatch):
    letters.write(reader, "one", "S", "T")

    def busy(self, messages):
        raise smtplib.SMTPDataError(451, b"later")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", busy)
    now = timezone.now()
    for hours in range(1, 30):
        letters.send_due(now + dt.timedelta(hours=6 * hours))
    assert not Letter.objects.exists()
    assert mail.outbox == []


def test_a_letter_that_helps_nobody_any_more_is_not_sent(reader):
    now = timezone.now()
    letters.write(reader, "one", "S", "T", not_after=now)
    assert letters.send_due(now + dt.timedelta(seconds=1)) == 0
    assert not Letter.objects.exists()
    assert mail.outbox == []


def test_wishes_are_kept(reader, client):
    client.force_login(reader, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/notices/wishes").status_code == 200
    answer = client.post("/notices/wishes", {"digest": "weekly", "pushed": ["reply", "mention"]})
    assert answer.status_code == 302
    have = service.wishes(reader)
    assert have.digest == "weekly"
    assert "reply" not in have.not_pushed
    assert "event_starts" in have.not_pushed
    page = client.get("/notices/wishes").content.decode()
    assert page.count("checked") == 3
    assert client.post("/notices/wishes", {"digest": "hourly"}).status_code == 200
