"""What people are told, by whom they are not told, and that it stays bounded."""

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone

from samvad.accounts.models import User
from samvad.base.params import replace
from samvad.notices import service
from samvad.notices.kinds import WAYS, Group, Kind
from samvad.notices.models import Notice
from tests.db.conftest import logged_in

pytestmark = pytest.mark.django_db


def test_every_kind_has_a_way_and_a_sentence(owner, other):
    assert set(WAYS) == set(Kind)
    for kind in Kind:
        service.tell(owner, kind, other, ("event", "x"), {"title": "Rivers"})
    from samvad.notices.words import sentence

    said = {sentence(n) for n in service.of(owner)}
    assert len(said) == len(Kind)
    assert not any("%" in one for one in said)


def test_one_is_not_told_of_ones_own_doings(owner):
    assert service.tell(owner, Kind.LIKE, owner, ("post", "1")) is None
    assert Notice.objects.count() == 0


def test_who_cannot_log_in_is_not_told(owner, other):
    owner.is_active = False
    assert service.tell(owner, Kind.REPLY, other, ("post", "1")) is None


def test_a_like_rings_once_and_a_reply_each_time(owner, other):
    for _ in range(3):
        service.tell(owner, Kind.LIKE, other, ("post", "1"))
        service.tell(owner, Kind.REPLY, other, ("post", "1"))
    kinds = [n.kind for n in service.of(owner)]
    assert kinds.count("like") == 1
    assert kinds.count("reply") == 3
    assert service.tell(owner, Kind.LIKE, other, ("post", "2")) is not None


def test_what_is_taken_back_unread_was_never_told(owner, other):
    service.tell(owner, Kind.LIKE, other, ("post", "1"))
    service.untell(owner, Kind.LIKE, other, ("post", "1"))
    assert not service.of(owner).exists()
    told = service.tell(owner, Kind.LIKE, other, ("post", "1"))
    service.read(owner, ids=[told.pk])
    service.untell(owner, Kind.LIKE, other, ("post", "1"))
    assert service.of(owner).exists(), "what was read stays"


def test_a_rolled_back_doing_tells_nobody(owner, other):
    with transaction.atomic():
        service.tell(owner, Kind.REPLY, other, ("post", "1"))
        transaction.set_rollback(True)
    assert not service.of(owner).exists()


def test_a_person_keeps_so_many_and_the_oldest_go(owner, other, settings):
    settings.SAMVAD = replace(settings.SAMVAD, notices=replace(settings.SAMVAD.notices, kept=20))
    for n in range(25):
        service.tell(owner, Kind.REPLY, other, ("post", str(n)))
    kept = [n.subject for n in service.of(owner)]
    assert kept == [str(n) for n in range(24, 4, -1)]


def test_what_is_old_is_forgotten(owner, other):
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    now = timezone.now()
    assert service.trim_before(now) == 0
    assert service.trim_before(now + dt.timedelta(days=181)) == 1


def test_reading(owner, other):
    for n in range(3):
        service.tell(owner, Kind.REPLY, other, ("post", str(n)))
    service.tell(other, Kind.FOLLOW, owner)
    assert service.unread(owner) == 3
    oldest = list(service.of(owner))[-1]
    assert service.read(owner, up_to=oldest.pk) == 1
    assert service.unread(owner) == 2
    assert service.read(other, ids=[n.pk for n in service.of(owner)]) == 0, "not theirs"


def test_the_page_for_owner_stranger_and_nobody(client, owner, other):
    told = service.tell(owner, Kind.FOLLOW, other)
    assert client.get("/notices/").status_code == 302
    mine, theirs = logged_in(owner), logged_in(other)
    page = mine.get("/notices/").content.decode()
    assert "bela follows you." in page
    assert "follows you" not in theirs.get("/notices/").content.decode()
    assert theirs.get(f"/notices/{told.pk}").status_code == 404
    assert client.get(f"/notices/{told.pk}").status_code == 302
    assert service.unread(owner) == 1, "only its owner reads it"
    assert mine.get(f"/notices/{told.pk}").headers["Location"] == "/@bela"
    assert service.unread(owner) == 0


def test_marking_all_leaves_what_came_since(owner, other):
    mine = logged_in(owner)
    seen = service.tell(owner, Kind.FOLLOW, other)
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    mine.post("/notices/read", {"up_to": str(seen.pk)})
    assert service.unread(owner) == 1
    assert mine.post("/notices/read", {"up_to": "x"}).status_code == 302
    assert mine.get("/notices/read").status_code == 405


def test_the_page_sorts_by_kind_and_asks_the_database_little(owner, django_assert_max_num_queries):
    people = [User.objects.create_user(f"u{n}") for n in range(40)]
    for person in people:
        service.tell(owner, Kind.FOLLOW, person)
    service.tell(owner, Kind.EVENT_MOVED, None, ("event", "nothing"), {"title": "<b>Rivers"})
    mine = logged_in(owner)
    with django_assert_max_num_queries(8):
        page = mine.get("/notices/?page=1").content.decode()
    assert page.count("follows you.") == 29
    assert "&lt;b&gt;Rivers" in page
    page = mine.get(f"/notices/?group={Group.EVENTS}").content.decode()
    assert "follows you." not in page
    assert "Rivers" in page
    page = mine.get("/notices/?group=people").content.decode()
    assert "?group=people&amp;page=2" in page
