"""Sign-up, log-in, log-out, a new password."""

import pytest

from samvad.accounts.models import User
from samvad.base.params import replace
from tests.db.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEW = {"username": "Champa_7", "password1": "seven-quiet-lamps"}


def test_somebody_signs_up_and_is_in(client):
    answer = client.post("/accounts/signup/?next=/events/new", NEW | {"next": "/events/new"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/events/new"
    user = User.objects.get()
    assert user.handle == "champa_7"
    assert "champa_7" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"username": ""}, "username", "required"),
        ({"username": "x"}, "username", "at least 2"),
        ({"username": "x" * 31}, "username", "at most 30"),
        ({"username": "cham.pa"}, "username", "letters a–z"),
        ({"username": "asha"}, "username", "taken"),
        ({"username": "ASHA"}, "username", "taken"),
        ({"username": "admin"}, "username", "kept for the site"),
        ({"username": "Postmaster"}, "username", "kept for the site"),
        ({"password1": ""}, "password1", "required"),
        ({"password1": "short1!"}, "password1", "too short"),
        ({"password1": "password123"}, "password1", "too common"),
        ({"password1": "champa_77"}, "password1", "too similar"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(client, owner, changes, field, says):
    answer = client.post("/accounts/signup/", NEW | changes)
    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert set(errors) == {field}
    assert says in str(errors[field])
    assert User.objects.count() == 1


def test_sign_up_can_be_closed(client, settings):
    settings.SAMVAD = replace(settings.SAMVAD, web=replace(settings.SAMVAD.web, sign_up="closed"))
    for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", NEW)):
        assert "Sign-up is closed" in answer.content.decode()
    assert not User.objects.exists()
    assert "/accounts/signup/" not in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("login", ["asha", "ASHA", "asha@example.org", " asha "])
def test_log_in_by_handle_or_email(client, owner, login):
    answer = client.post("/accounts/login/", {"login": login, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"
    assert client.get("/events/").status_code == 200


@pytest.mark.parametrize("login", ["asha", "nobody", "asha@example.org", "no@example.org"])
def test_a_wrong_password_and_an_unknown_name_read_the_same(client, owner, login):
    answer = client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert answer.status_code == 200
    assert "do not belong together" in answer.content.decode()
    assert client.get("/events/").status_code == 302


def test_guessing_is_slowed_down(client, owner):
    for _ in range(12):
        answer = client.post("/accounts/login/", {"login": "asha", "password": "wrong"})
    assert "Too many attempts" in answer.content.decode()
    answer = client.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    assert client.get("/events/").status_code == 302


def test_a_closed_account_stays_outside(client, owner):
    User.objects.filter(pk=owner.pk).update(is_active=False)
    client.post("/accounts/login/", {"login": "asha", "password": PASSWORD})
    assert client.get("/events/").status_code == 302


def test_nobody_is_sent_to_another_site(client, owner):
    answer = client.post(
        "/accounts/login/?next=https://evil.example/",
        {"login": "asha", "password": PASSWORD, "next": "https://evil.example/"},
    )
    assert "evil" not in answer.headers["Location"]


def test_log_out_wants_a_press_of_a_button(as_owner):
    assert as_owner.get("/accounts/logout/").status_code == 200
    assert as_owner.get("/events/").status_code == 200
    assert as_owner.post("/accounts/logout/").status_code == 302
    assert as_owner.get("/events/").status_code == 302


def test_a_new_password(as_owner, owner, client):
    form = {"oldpassword": "wrong", "password1": "nine-new-lamps", "password2": "nine-new-lamps"}
    answer = as_owner.post("/accounts/password/", form)
    assert "not your current password" in answer.content.decode()
    answer = as_owner.post("/accounts/password/", form | {"oldpassword": PASSWORD}, follow=True)
    assert "Your password is changed." in answer.content.decode()
    owner.refresh_from_db()
    assert owner.check_password("nine-new-lamps")


def test_the_admin_is_for_staff(client, as_owner, staff):
    from tests.db.conftest import logged_in

    assert client.get("/admin/").status_code == 302
    assert as_owner.get("/admin/").status_code == 302
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    staff.refresh_from_db()
    admin = logged_in(staff)
    for path in (
        "",
        "accounts/user/",
        "accounts/user/add/",
        "accounts/apitoken/",
        f"accounts/user/{staff.pk}/change/",
    ):
        assert admin.get(f"/admin/{path}").status_code == 200, path


def test_signing_up_is_slowed_down_too(client):
    answers = [client.post("/accounts/signup/", NEW | {"username": "x"}) for _ in range(31)]
    assert {a.status_code for a in answers[:30]} == {200}
    assert answers[30].status_code == 429
    assert "Too many attempts" in answers[30].content.decode()
