"""The public log of what moderators did, and its file by which anybody can check the seals."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from samvad.accounts.models import AuditRow, User
from samvad.moderation import transparency
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import Rule
from samvad.web.pages.moderation import moderators_only
from samvad.web.reader import account_of

A_PAGE = 50
A_FILE = 1000


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Newest first."""
    page = Paginator(transparency.public_rows(), A_PAGE).get_page(request.GET.get("page"))
    reader = request.user
    return render(
        request,
        "moderation/transparency.html",
        {
            "page": page,
            "lines": transparency.lines(page.object_list),
            "may_redact": isinstance(reader, User) and reader.moderates,
        },
    )


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """The rules of this site, and what may follow from breaking them."""
    return render(request, "moderation/rules.html", {"rules": [r for r in Rule if r != Rule.OTHER]})


@require_safe
def log_json(request: HttpRequest) -> JsonResponse:
    """Every row with its digest and seals, oldest first, from `?after=` on, a thousand at a time.

    Rows of private actions are there with their seals, so that the chain has no gap.
    """
    after = request.GET.get("after", "0")
    number = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0
    rows = AuditRow.objects.filter(number__gt=number).order_by("number")[:A_FILE]
    shown = [transparency.as_json(line) for line in transparency.lines(rows)]
    return JsonResponse(
        {"rows": shown, "next": shown[-1]["number"] if len(shown) == A_FILE else None}
    )


@moderators_only
@require_POST
def redact(request: HttpRequest, number: int) -> HttpResponseBase:
    """Take the words of a row from the public log."""
    try:
        transparency.redact(number, account_of(request), request.POST.get("why", ""))
    except ModerationError as error:
        messages.error(request, str(error))
    return redirect("transparency")
