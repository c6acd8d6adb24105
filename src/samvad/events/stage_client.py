"""What the site asks of the stage, over HTTP with an operator's token."""

import http.client
import json
import urllib.error
import urllib.request

from django.conf import settings

from samvad.base.clock import SystemClock
from samvad.base.errors import PlainError
from samvad.protocol import operator
from samvad.protocol.hls import stage_path
from samvad.protocol.secret import token_for

END_TIMEOUT_S = 60.0
"""An end answers when the recording is closed; a long one takes a few seconds."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the stage is our own


def end(event_id: str, by: str) -> None:
    """End the event at the stage, in the name of `by` ("": the site's operator); returns when it
    has ended. Raises PlainError."""
    secret = settings.SITE_SECRET
    named = operator.key_for(secret, event_id, by, SystemClock().wall_ms()) if by else ""
    _post(event_id, "end", named or token_for(secret, "operator"), END_TIMEOUT_S)


def _post(event_id: str, what: str, token: str, timeout_s: float) -> None:
    base = settings.SAMVAD.stage_url()
    request = urllib.request.Request(  # noqa: S310  (the site's own http or https address)
        base + stage_path(event_id, what),
        method="POST",
        data=b"",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with _direct.open(request, timeout=timeout_s) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise PlainError(f"The stage refused: {_says(error)}.") from None
    except TimeoutError:
        raise PlainError(
            f"The stage did not answer within {timeout_s:g} s.",
            "It may still be closing the recording; ask again in a minute.",
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            reason = "it did not answer in time"
        raise PlainError(
            f"The stage cannot be reached at {base} ({reason}).",
            "See that `samvad up` or `samvad stage` is running with the same data folder.",
        ) from None


def _says(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(4096))["says"]).rstrip(".")
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"{error.code} {error.reason}"
