"""How many requests a token, or an address without one, may make.

Fixed windows, counted in this process (there is one web process; with several, the counts go
where the sessions go). Told in `RateLimit` and `RateLimit-Policy` (the structured fields of the
IETF draft) and in the three older headers that most clients know.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from samvad.protocol.client_addr import source_of
from samvad.web.api.keys import token_of


@dataclass(frozen=True)
class Allowance:
    """What is left in this window. `left` below zero: refuse."""

    limit: int
    left: int
    reset_s: int
    window_s: int

    def tell(self, response: HttpResponseBase) -> None:
        left = max(0, self.left)
        response.headers["RateLimit-Policy"] = f'"default";q={self.limit};w={self.window_s}'
        response.headers["RateLimit"] = f'"default";r={left};t={self.reset_s}'
        response.headers["RateLimit-Limit"] = str(self.limit)
        response.headers["RateLimit-Remaining"] = str(left)
        response.headers["RateLimit-Reset"] = str(self.reset_s)
        if self.left < 0:
            response.headers["Retry-After"] = str(self.reset_s)


def take(request: HttpRequest) -> Allowance:
    """Count this request."""
    token = token_of(request)
    whose = f"token:{token.pk}" if token else f"from:{source_of(request.META['REMOTE_ADDR'])}"
    limit, window_s = settings.SAMVAD.api.requests, settings.SAMVAD.api.window_s
    now = int(time.time())
    window = now // window_s
    name = f"api-rate:{whose}:{window}"
    cache.add(name, 0, window_s * 2)
    try:
        used = cache.incr(name)
    except ValueError:  # thrown out in this very moment
        used = 1
    return Allowance(limit, limit - used, (window + 1) * window_s - now, window_s)
