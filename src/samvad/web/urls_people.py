"""Addresses of accounts and moderation."""

import functools
from collections.abc import Callable
from typing import Any

from allauth.account import views as allauth_account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from samvad.web.pages import (
    account,
    leaving,
    moderation,
    people,
    reporting,
    transparency,
)


def with_mail(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """404 on a site that sends no mail: nothing there could be kept."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MAILS:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


HANDLE = r"(?P<handle>[a-z0-9_]{2,30})"

urlpatterns: list[URLPattern] = [
    re_path(
        r"^report/(?P<kind>account|post|event)/(?P<about>[A-Za-z0-9_-]{2,40})$",
        reporting.report,
        name="report",
    ),
    path("standing", reporting.standing, name="standing"),
    re_path(r"^cases/(?P<decision_id>[a-z0-9]{10})$", moderation.case, name="case"),
    path("moderation/", moderation.queue, name="moderation"),
    path("moderation/reports/<int:report_id>", moderation.report, name="moderation_report"),
    path(
        "moderation/reports/<int:report_id>/<str:name>",
        moderation.evidence_file,
        name="moderation_evidence",
    ),
    re_path(rf"^moderation/@{HANDLE}$", moderation.account, name="moderation_account"),
    path("transparency/", transparency.log, name="transparency"),
    path("transparency/log.json", transparency.log_json, name="transparency_json"),
    path("transparency/<int:number>/redact", transparency.redact, name="redact"),
    re_path(rf"^@{HANDLE}/let-go$", people.let_go, name="let_go"),
    path("rules", transparency.rules, name="rules"),
    path("account/profile", account.profile, name="account_profile"),
    path("account/security", account.security, name="security"),
    path("account/sessions", account.sessions, name="sessions"),
    path("account/tokens", account.tokens, name="tokens"),
    path("account/invitations", account.invitations, name="invitations"),
    path("account/data", leaving.my_data, name="my_data"),
    path("account/data/new", leaving.archive_new, name="archive_new"),
    path("account/data/<int:archive_id>", leaving.archive, name="archive"),
    path("account/leave", leaving.leave, name="leave"),
    path("account/stay", leaving.stay, name="stay"),
    re_path(r"^invited/(?P<code>[\w-]{10,40})$", account.invited, name="invited"),
    # Of allauth what works on this site, in its own order of names.
    path("accounts/login/", allauth_account.login, name="account_login"),
    path("accounts/logout/", allauth_account.logout, name="account_logout"),
    path("accounts/signup/", allauth_account.signup, name="account_signup"),
    path("accounts/inactive/", allauth_account.account_inactive, name="account_inactive"),
    path("accounts/password/", allauth_account.password_change, name="account_change_password"),
    path("accounts/password/set/", allauth_account.password_set, name="account_set_password"),
    path("accounts/again/", allauth_account.reauthenticate, name="account_reauthenticate"),
    path("accounts/code/", mfa.authenticate, name="mfa_authenticate"),
    path("accounts/code/again/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("accounts/second/", RedirectView.as_view(pattern_name="security"), name="mfa_index"),
    path("accounts/totp/on/", totp.activate_totp, name="mfa_activate_totp"),
    path("accounts/totp/off/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("accounts/codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "accounts/codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "accounts/codes/file/",
        recovery_codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path(
        "accounts/passkeys/",
        RedirectView.as_view(pattern_name="security"),
        name="mfa_list_webauthn",
    ),
    path("accounts/passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("accounts/passkeys/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path(
        "accounts/passkeys/again/",
        webauthn.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("accounts/passkeys/<int:pk>/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path(
        "accounts/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"
    ),
]

urlpatterns += [
    path("accounts/email/", with_mail(allauth_account.email), name="account_email"),
    path(
        "accounts/email/sent/",
        with_mail(allauth_account.email_verification_sent),
        name="account_email_verification_sent",
    ),
    re_path(
        r"^accounts/email/(?P<key>[-:\w]+)/$",
        with_mail(allauth_account.confirm_email),
        name="account_confirm_email",
    ),
    path(
        "accounts/forgotten/",
        with_mail(allauth_account.password_reset),
        name="account_reset_password",
    ),
    path(
        "accounts/forgotten/sent/",
        with_mail(allauth_account.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^accounts/forgotten/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        with_mail(allauth_account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "accounts/forgotten/done/",
        with_mail(allauth_account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
]
