"""Taking one's data along, leaving, thinking better of it, and what is left at the end."""

import datetime as dt
import io
import json
import zipfile

import pytest
from django.test import Client
from django.utils import timezone

from samvad.accounts import audit, service, ties
from samvad.accounts.models import Archive, User
from samvad.accounts.moves import move
from samvad.accounts.standing import Act, Standing
from samvad.moderation import service as moderation
from samvad.moderation.kinds import Action
from samvad.posts import media
from samvad.posts.models import Medium, Post
from samvad.posts.service import create
from samvad.web import archives, erasure
from tests.db.conftest import PASSWORD, logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(owner):
    made = create(owner, "નમસ્તે, a lamp")
    medium = Medium.objects.create(owner=owner, post=made, kind="photo", files={"jpg": "jpg.jpg"})
    media.folder(medium).mkdir(parents=True)
    (media.folder(medium) / "jpg.jpg").write_bytes(b"a picture")
    return made


def test_an_archive_holds_what_there_is(owner, other, as_owner, post, event):
    ties.follow(other, owner)
    moderation.decide(owner, Action.WARN, by=None, reason="A word", rule="spam")
    as_owner.post("/account/data/new")
    as_owner.post("/account/data/new")  # one at a time
    assert "It is being made" in as_owner.get("/account/data").content.decode()
    assert archives.make_next()
    assert not archives.make_next()
    archive = Archive.objects.get()
    path = f"/account/data/{archive.pk}"
    answer = as_owner.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as held:
        names = set(held.namelist())
        read = {n: json.loads(held.read(n)) for n in names if n.endswith(".json")}
    assert read["account.json"]["email"] == "asha@example.org"
    assert read["posts.json"][0]["text"] == "નમસ્તે, a lamp"
    assert read["ties.json"]["followers"] == ["bela"]
    assert read["events.json"][0]["title"] == "Rivers and cities"
    assert read["decisions.json"][0]["reason"] == "A word"
    assert any(n.startswith("media/") and n.endswith("/jpg.jpg") for n in names)
    assert logged_in(other).get(path).status_code == 404


def test_a_suspended_person_takes_their_data_along(owner, post):
    moderation.decide(owner, Action.SUSPEND, by=None, reason="So", rule="other")
    owner.refresh_from_db()
    person = logged_in(owner)
    assert person.post("/account/data/new").status_code == 302
    assert archives.make_next()
    answer = person.get(f"/account/data/{Archive.objects.get().pk}")
    assert answer.status_code == 200
    answer.close()
    assert "Delete your account" not in person.get("/account/data").content.decode()
    assert person.get("/account/profile").headers["Location"] == "/standing"
    assert person.post("/account/tokens", {"name": "x"}).status_code == 403


def test_archives_end_in_time(owner):
    archives.ask(owner)
    archives.make_next()
    path = archives.path_of(Archive.objects.get())
    archives.sweep()
    assert path.is_file()
    Archive.objects.update(asked_at=timezone.now() - dt.timedelta(days=8))
    archives.sweep()
    assert not path.exists()


def test_leaving_and_thinking_better_of_it(client, owner, post):
    client.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    client.post("/accounts/again/", {"password": PASSWORD})
    answer = client.post("/account/leave", {"handle": "bela"})
    assert "not your handle" in answer.content.decode()
    assert client.post("/account/leave", {"handle": "@Asha"}).headers["Location"] == "/standing"
    owner.refresh_from_db()
    assert owner.stands is Standing.DELETING
    assert 29.9 < (owner.standing_until - timezone.now()).total_seconds() / 86_400 <= 30
    assert client.get("/@asha").headers["Location"] == "/standing"
    assert logged_in(User.objects.create_user("xena")).get("/@asha").status_code == 410
    assert "Keep my account" in client.get("/standing").content.decode()
    assert erasure.erase_due() == 0
    client.post("/account/stay")
    owner.refresh_from_db()
    assert owner.stands is Standing.ACTIVE
    assert Post.objects.filter(pk=post.pk, gone="").exists()


def test_in_the_end_only_the_name_is_left(
    owner, other, post, event, django_capture_on_commit_callbacks
):
    client = Client()
    token = service.issue_token(owner)
    ties.follow(other, owner)
    home = media.folder(Medium.objects.get())
    move(owner, Act.LEAVE, by=owner, until=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert erasure.erase_due() == 1
    left = User.objects.get(pk=owner.pk)
    assert (left.handle, left.email, left.display_name) == ("asha", "", "")
    assert not left.has_usable_password()
    assert not Post.objects.exists()
    assert not home.exists()
    assert not ties.followers_of(owner).exists()
    assert service.find_token(token) is None
    page = client.get("/@asha")
    assert page.status_code == 410
    assert "was deleted" in page.content.decode()
    answer = client.post("/accounts/signup/", {"username": "asha", "password1": "nine-new-lamps"})
    assert "taken" in answer.content.decode()
    assert isinstance(audit.verify(), audit.Whole)


def test_a_suspended_account_is_kept_for_years_and_then_deleted(owner, post, settings):
    move(owner, Act.SUSPEND, by=None, reason="Then")
    years = dt.timedelta(days=settings.SAMVAD.moderation.suspended_days)
    User.objects.filter(pk=owner.pk).update(
        standing_since=timezone.now() - years + dt.timedelta(days=1)
    )
    assert erasure.erase_due() == 0
    User.objects.filter(pk=owner.pk).update(standing_since=timezone.now() - years)
    assert erasure.erase_due() == 1
    assert User.objects.get(pk=owner.pk).stands is Standing.DELETED
