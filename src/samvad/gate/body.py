"""The body of a request, as JSON. Pure."""

import json
from typing import Any


def json_object(body: bytes) -> dict[str, Any] | None:
    """None when it is no JSON object."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
