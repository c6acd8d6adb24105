"""One's own account: profile, log-in, sessions, tokens, invitations."""

from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from samvad.accounts import invites, scopes, service
from samvad.accounts.models import Invite
from samvad.base.errors import PlainError
from samvad.web import profiles
from samvad.web.account_forms import SCOPE_WORDS, ProfileForm, TokenForm
from samvad.web.accounts import INVITED_BY
from samvad.web.reader import account_of

TOKENS_MAX = 50


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, words, pictures and links that others see."""
    user = account_of(request)
    if request.method == "GET":
        return render(request, "account/profile.html", {"form": ProfileForm.of(user)})
    form = ProfileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            profiles.change(user, form.cleaned_data)
        except PlainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Your profile is changed."))
            return redirect("profile", user.handle)
    return render(request, "account/profile.html", {"form": form})


@never_cache
@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Password, email, codes of an app, passkeys, recovery codes."""
    user = account_of(request)
    found: dict[str, list[Authenticator]] = {}
    for one in Authenticator.objects.filter(user=user).order_by("created_at"):
        found.setdefault(one.type, []).append(one)
    codes = found.get(Authenticator.Type.RECOVERY_CODES, [])
    return render(
        request,
        "account/security.html",
        {
            "totp": found.get(Authenticator.Type.TOTP),
            "passkeys": found.get(Authenticator.Type.WEBAUTHN, []),
            "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else None,
            "second": bool(found),
        },
    )


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is logged in; each, or all others, can be ended."""
    user = account_of(request)
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    alive = set(
        Session.objects.filter(session_key__in=[r.session_key for r in rows]).values_list(
            "session_key", flat=True
        )
    )
    here = request.session.session_key
    if request.method == "POST":
        which = request.POST.get("which", "")
        for row in rows:
            if row.session_key != here and which in ("others", str(row.pk)):
                Session.objects.filter(session_key=row.session_key).delete()
                row.delete()
        return redirect("sessions")
    UserSession.objects.filter(pk__in=[r.pk for r in rows if r.session_key not in alive]).delete()
    shown = [r for r in rows if r.session_key in alive]
    return render(
        request,
        "account/sessions.html",
        {"rows": [(r, r.session_key == here) for r in shown], "others": len(shown) > 1},
    )


@never_cache
@login_required
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Tokens for programs: what there is, a new one (shown this once), revoking."""
    user = account_of(request)
    if "revoke" in request.POST:
        pk = request.POST["revoke"]
        user.api_tokens.filter(pk=int(pk) if pk.isdigit() and len(pk) < 18 else 0).delete()
        return redirect("tokens")
    form, made = TokenForm(request.POST or None, moderates=user.moderates), ""
    if request.method == "POST" and form.is_valid():
        if user.api_tokens.count() >= TOKENS_MAX:
            form.add_error(None, _("You have as many tokens as this site allows."))
        else:
            wanted = scopes.write(scopes.Scope(s) for s in form.cleaned_data["scopes"])
            made = service.issue_token(user, form.cleaned_data["name"], wanted)
            form = TokenForm(moderates=user.moderates)
    rows = [
        (token, [SCOPE_WORDS[s] for s in scopes.Scope if token.allows(s)])
        for token in user.api_tokens.order_by("-created_at")[:TOKENS_MAX]
    ]
    return render(request, "account/tokens.html", {"form": form, "made": made, "rows": rows})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def invitations(request: HttpRequest) -> HttpResponse:
    """Links by which others may sign up."""
    user = account_of(request)
    if request.method == "POST":
        try:
            invites.make(user)
        except PlainError as error:
            messages.error(request, str(error))
        return redirect("invitations")
    rows = Invite.objects.filter(by=user).select_related("used_by").order_by("-created_at")[:50]
    usable = set(invites.open_of(user).values_list("pk", flat=True))
    return render(request, "account/invites.html", {"rows": [(r, r.pk in usable) for r in rows]})


@never_cache
@require_safe
def invited(request: HttpRequest, code: str) -> HttpResponse:
    """The link of an invitation: remembers it and leads to the sign-up."""
    if invites.find(code) is None:
        raise Http404
    request.session[INVITED_BY] = code
    return redirect("account_signup")
