"""One's own account: second factors, sessions, tokens, invitations, profile."""

import io
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings as site
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from samvad.accounts import invites, service
from samvad.accounts.models import Invite, User
from samvad.base.params import replace
from samvad.web import profiles
from tests.db.conftest import PASSWORD, logged_in
from tests.kit.queries import few_queries

pytestmark = pytest.mark.django_db

MINE = ["/account/profile", "/account/security", "/account/sessions", "/account/tokens",
        "/account/invitations", "/account/data", "/standing"]  # fmt: skip
SECOND = ["/accounts/totp/on/", "/accounts/passkeys/add/", "/accounts/again/"]


@pytest.fixture
def real(client: Client, owner: User) -> Client:
    """A browser that logged in by the page, and was asked once more a moment ago."""
    client.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    client.post("/accounts/again/", {"password": PASSWORD})
    return client


@pytest.mark.parametrize("path", [*MINE, *SECOND])
def test_ones_own_pages_are_ones_own(client, real, path):
    with few_queries():
        assert real.get(path).status_code == 200
    assert Client().get(path).headers["Location"].startswith("/accounts/login/")


def test_codes_of_an_app_are_asked_for_at_log_in(real, owner, monkeypatch):
    page = real.get("/accounts/totp/on/").content.decode()
    secret = re.search(r"<code[^>]*>([A-Z2-7]+)</code>", page)[1]
    value = totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time()))
    answer = real.post("/accounts/totp/on/", {"code": totp.format_hotp_value(value)})
    assert answer.headers["Location"] == "/accounts/codes/"
    kept = Authenticator.objects.get(user=owner, type="totp").data["secret"]
    assert secret not in kept  # not in the database as it is
    codes = re.findall(r"<code>(\d{8})</code>", real.get("/accounts/codes/").content.decode())
    assert len(codes) == 10
    browser = Client()
    browser.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    assert browser.get("/events/").status_code == 302  # not yet
    assert "not right" in browser.post("/accounts/code/", {"code": "000000"}).content.decode()
    assert browser.post("/accounts/code/", {"code": codes[0]}).status_code == 302
    assert browser.get("/events/").status_code == 200
    again = Client()
    again.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    again.post("/accounts/code/", {"code": codes[0]})  # each code once
    assert again.get("/events/").status_code == 302


def test_what_matters_asks_once_more(as_owner):
    # Logged in, but nobody typed a password in this session.
    for path in ("/accounts/totp/on/", "/accounts/passkeys/add/"):
        assert as_owner.get(path).headers["Location"].startswith("/accounts/again/")
    answer = as_owner.post("/account/tokens", {"name": "x", "scopes": ["read"]})
    assert answer.headers["Location"].startswith("/accounts/again/")
    assert as_owner.post("/accounts/again/", {"password": "wrong"}).status_code == 200
    assert as_owner.post("/accounts/again/", {"password": PASSWORD}).status_code == 302


def test_a_passkey_page_gives_the_browser_what_it_needs(real):
    page = real.get("/accounts/passkeys/add/").content.decode()
    assert 'data-passkey="create"' in page
    assert '"challenge"' in page
    options = (
        Client()
        .get("/accounts/passkeys/login/", headers={"X-Requested-With": "XMLHttpRequest"})
        .json()
    )
    assert options["request_options"]["publicKey"]["challenge"]
    bad = Client().post("/accounts/passkeys/login/", {"credential": '{"id": "x"}'})
    assert bad.status_code in (200, 302, 400)


def test_sessions_are_listed_and_ended(real, owner):
    phone = Client(headers={"user-agent": "Mozilla/5.0 (Linux; Android 14) Firefox/128.0"})
    phone.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    assert "Firefox, Android" in real.get("/account/sessions").content.decode()
    real.post("/account/sessions", {"which": "others"})
    assert phone.get("/events/").status_code == 302
    assert real.get("/events/").status_code == 200


def test_nobody_ends_anothers_session(real, as_other):
    from allauth.usersessions.models import UserSession

    row = UserSession.objects.get()
    as_other.post("/account/sessions", {"which": str(row.pk)})
    assert real.get("/events/").status_code == 200


def test_a_token_is_made_shown_once_and_revoked(real, owner, client):
    page = real.post("/account/tokens", {"name": "bot", "scopes": ["read"]}).content.decode()
    token = re.search(r"sv_[\w-]+", page)[0]
    assert service.user_of_token(token) == owner
    assert token not in real.get("/account/tokens").content.decode()
    answer = real.post("/account/tokens", {"name": "bot", "scopes": ["moderate"]})
    assert "One thing does not fit yet." in answer.content.decode()  # no moderator
    pk = owner.api_tokens.get().pk
    logged_in(User.objects.create_user("thief")).post("/account/tokens", {"revoke": pk})
    assert service.user_of_token(token) == owner
    real.post("/account/tokens", {"revoke": pk})
    assert service.user_of_token(token) is None


def test_sign_up_by_invitation(settings, real, owner):
    settings.SAMVAD = replace(settings.SAMVAD, web=replace(settings.SAMVAD.web, sign_up="invite"))
    new = {"username": "champa", "password1": "seven-quiet-lamps"}
    assert "by invitation" in Client().post("/accounts/signup/", new).content.decode()
    real.post("/account/invitations")
    invite = Invite.objects.get()
    guest = Client()
    assert guest.get(f"/invited/{invite.code}").headers["Location"] == "/accounts/signup/"
    assert guest.post("/accounts/signup/", new).status_code == 302
    invite.refresh_from_db()
    assert invite.used_by == User.objects.get(handle="champa")
    assert Client().get(f"/invited/{invite.code}").status_code == 404  # once
    assert Client().get("/invited/nonsense-nonsense").status_code == 404


def test_invitations_are_bounded_and_end_with_who_made_them(settings, owner):
    for _ in range(settings.SAMVAD.accounts.invites):
        last = invites.make(owner)
    with pytest.raises(service.PlainError, match="as many open invitations"):
        invites.make(owner)
    User.objects.filter(pk=owner.pk).update(standing="suspended")
    assert invites.find(last.code) is None


def picture(side=(300, 200)) -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", side, "teal").save(data, "PNG")
    return SimpleUploadedFile("p.png", data.getvalue(), "image/png")


def test_a_profile_is_changed(real, owner, django_capture_on_commit_callbacks):
    form = {"name": " Asha  P ", "bio": "I write.\n<b>x</b>",
            "links": "https://example.org/asha\n\nhttps://example.com"}  # fmt: skip
    answer = real.post("/account/profile", form | {"avatar": picture(), "banner": picture()})
    assert answer.status_code == 302, answer.context["form"].errors
    owner.refresh_from_db()
    assert owner.display_name == "Asha P"
    assert (profiles.folder() / owner.avatar.removeprefix("a/")).is_file()
    assert (profiles.folder() / profiles.at(owner.avatar, 400).removeprefix("a/")).is_file()
    page = Client().get("/@asha").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert 'href="https://example.org/asha" rel="me' in page
    old = profiles.folder() / owner.avatar.removeprefix("a/")
    with django_capture_on_commit_callbacks(execute=True):
        real.post("/account/profile", form | {"no_avatar": "on"})
    owner.refresh_from_db()
    assert owner.avatar == ""
    assert owner.banner
    assert not old.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"links": "javascript:alert(1)"}, "https://"),
        ({"links": "ftp://example.org"}, "https://"),
        ({"links": "\n".join(f"https://e{n}.org" for n in range(5))}, "At most four"),
        ({"bio": "x" * 501}, "at most 500"),
        ({"avatar": SimpleUploadedFile("x.png", b"<svg onload=alert(1)>")}, "not"),
    ],
)
def test_a_profile_that_does_not_fit(real, owner, changes, says):
    form = {"name": "A", "bio": "", "links": ""}
    page = real.post("/account/profile", form | changes).content.decode()
    assert "One thing does not fit yet." in page
    assert says in page
    owner.refresh_from_db()
    assert owner.display_name == "Asha Patel"


@pytest.fixture
def mailing(settings):
    settings.MAILS = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]


def test_without_a_mail_server_nothing_promises_a_letter(client):
    assert client.get("/accounts/forgotten/").status_code == 404
    assert "can give you a new one" in client.get("/accounts/login/").content.decode()
    assert 'name="email"' not in client.get("/accounts/signup/").content.decode()
    assert site.ACCOUNT_PREVENT_ENUMERATION


def test_a_forgotten_password(mailing, client, owner):
    known = client.post("/accounts/forgotten/", {"email": "asha@example.org"})
    unknown = Client().post("/accounts/forgotten/", {"email": "nobody@example.org"})
    assert known.headers["Location"] == unknown.headers["Location"]
    assert [m.to for m in mail.outbox] == [["asha@example.org"]]
    link = re.search(r"https?://[^/]+(/accounts/forgotten/\S+)", mail.outbox[0].body)[1]
    step = client.get(link, follow=True)
    form = {"password1": "nine-new-lamps", "password2": "nine-new-lamps"}
    client.post(step.redirect_chain[-1][0], form)
    owner.refresh_from_db()
    assert owner.check_password("nine-new-lamps")
    assert "used up" in Client().get(link, follow=True).content.decode()


def test_an_address_is_confirmed_before_one_is_in(mailing, client):
    new = {"username": "champa", "email": "c@example.org", "password1": "seven-quiet-lamps"}
    answer = client.post("/accounts/signup/", new, follow=True)
    assert "Look into your mail" in answer.content.decode()
    assert client.get("/events/").status_code == 302
    link = re.search(r"https?://[^/]+(/accounts/email/\S+/)", mail.outbox[0].body)[1]
    assert "c@example.org" in client.get(link).content.decode()
    client.post(link)
    client.post("/accounts/login/", {"login": "champa", "password": "seven-quiet-lamps"})
    assert client.get("/events/").status_code == 200


def test_a_taken_address_reads_as_a_free_one(mailing, client, owner):
    answers = [
        Client().post(
            "/accounts/signup/",
            {"username": f"new{n}", "email": email, "password1": "seven-quiet-lamps"},
            follow=True,
        )
        for n, email in enumerate(["asha@example.org", "free@example.org"])
    ]
    assert len({a.content.decode().count("Look into your mail") for a in answers}) == 1
    assert answers[0].redirect_chain == answers[1].redirect_chain
    assert "You have an account here" in mail.outbox[0].subject
    assert not User.objects.filter(handle="new0").exists()


def test_an_account_without_an_address_still_logs_in(mailing, client, other):
    client.post("/accounts/login/", {"login": "bela", "password": PASSWORD})
    assert client.get("/events/").status_code == 200
