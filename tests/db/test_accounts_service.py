"""Accounts, tokens and the first host."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from samvad.accounts import service
from samvad.accounts.models import ApiToken, User
from samvad.base.errors import PlainError

pytestmark = pytest.mark.django_db


def test_a_user_is_made_with_a_token_that_is_kept_as_a_hash_only():
    user, token = service.create_user("champa_7", name="ચંપા")
    assert service.user_of_token(token) == user
    assert user.shown_name == "ચંપા"
    kept = ApiToken.objects.get(user=user)
    assert token not in (kept.token_hash, kept.name)
    assert not user.has_usable_password()


def test_a_forged_token_and_one_of_a_closed_account_are_nobodys():
    user, token = service.create_user("champa")
    assert service.user_of_token("sv_" + token[:2:-1]) is None
    assert service.user_of_token("") is None
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert service.user_of_token(token) is None


@pytest.mark.parametrize(
    "handle", ["", "x", "a b", "asha.patel", "आशा", "x" * 31, "a-b", "<b>", "asha@example.org"]
)
def test_a_bad_handle_is_refused_in_words(handle):
    with pytest.raises(PlainError) as refused:
        service.create_user(handle)
    assert refused.value.mend
    assert not User.objects.exists()


def test_handles_are_unique_whatever_their_case():
    service.create_user("asha")
    with pytest.raises(PlainError, match="taken"):
        service.create_user("Asha")
    assert User.objects.count() == 1
    assert ApiToken.objects.count() == 1


def test_many_accounts_may_have_no_email_but_one_email_has_one_account():
    service.create_user("one")
    service.create_user("two")
    service.create_user("three", email="a@example.org")
    with pytest.raises(PlainError, match="There is an account with this email"):
        service.create_user("four", email="a@example.org")


def test_the_first_host_is_made_once_and_its_password_told_once():
    host, password = service.ensure_first_host()
    assert host.handle == "host"
    assert password is not None
    assert host.check_password(password)
    again, none = service.ensure_first_host()
    assert (again, none) == (host, None)


def test_a_site_with_accounts_gets_no_host_beside_them(other, staff):
    host, password = service.ensure_first_host()
    assert (host, password) == (staff, None)
    assert not User.objects.filter(handle="host").exists()


def test_passwords_given_out_differ_and_have_no_letters_that_look_alike():
    given = {service.new_password() for _ in range(50)}
    assert len(given) == 50
    assert not set("".join(given)) & set("il1o0")


def test_passwords_are_kept_by_argon2():
    from samvad.web import settings as real

    assert real.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"
    encoded = Argon2PasswordHasher().encode("a-quiet-lamp-7", "c2FsdHNhbHQ")
    assert encoded.startswith("argon2$argon2id$")
