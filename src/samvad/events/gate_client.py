"""What the site asks of the gates: an event's figures, from the admin port of each machine."""

import http.client
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from samvad.base.errors import PlainError
from samvad.protocol.figures import CARRY_S, Figures, FiguresError, from_dict, merge

TIMEOUT_S = 1.5
"""They answer in a millisecond; a console asks again in a second."""
MOST_BYTES = 1_000_000
MACHINES_AT_A_TIME = 8

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the gates are our own


def figures(event_id: str, since_ms: int) -> tuple[Figures, list[str]]:
    """The figures of all machines after `since_ms`, and the addresses that did not answer.

    Raises PlainError when none did.
    """
    addresses = settings.SAMVAD.gate_admins()
    path = f"/events/{event_id}.json?since={max(0, since_ms - CARRY_S * 1000)}"
    if len(addresses) == 1:
        answers = [_ask(addresses[0], path)]
    else:
        with ThreadPoolExecutor(min(len(addresses), MACHINES_AT_A_TIME)) as pool:
            answers = list(pool.map(lambda address: _ask(address, path), addresses))
    told = [answer for answer in answers if isinstance(answer, Figures)]
    if not told:
        where = ", ".join(addresses)
        why = next(answer for answer in answers if isinstance(answer, str))
        raise PlainError(
            f"No gate tells its figures at {where} ({why}).",
            "See that `samvad up` or `samvad gate` is running, and look at [web] gates.",
        )
    silent = [
        address
        for address, answer in zip(addresses, answers, strict=True)
        if isinstance(answer, str)
    ]
    return merge(told, since_ms), silent


def _ask(address: str, path: str) -> Figures | str:
    """The figures of one machine, or why there are none."""
    try:
        with _direct.open(f"http://{address}{path}", timeout=TIMEOUT_S) as answer:
            return from_dict(json.loads(answer.read(MOST_BYTES)))
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.reason}"
    except TimeoutError:
        return "it did not answer in time"
    except (FiguresError, ValueError):
        return "it answered something else"
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error))
