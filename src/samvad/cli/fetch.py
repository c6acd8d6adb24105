"""One small GET of our own processes' health and states."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any


def get(url: str, timeout_s: float = 1.0, token: str = "") -> tuple[int, bytes] | None:
    """(status, body) of `url`; None when nobody answers in time. Redirects are followed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own http URLs
    try:
        with _direct.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.read(1 << 20)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, http.client.HTTPException):
        return None


def get_json(url: str, timeout_s: float = 1.0, token: str = "") -> Any:
    """The JSON of a 200 answer; None otherwise."""
    answer = get(url, timeout_s, token)
    if answer is None or answer[0] != 200:
        return None
    try:
        return json.loads(answer[1])
    except ValueError:
        return None


def reachable(host: str) -> str:
    """How to reach, from this machine, what listens on `host`; as it stands in a URL."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


# Never through a proxy: these are addresses of this site.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
