"""How a process of a crowd tells its leader something: a line of JSON on stdout."""

import json
import os


def tell(said: object) -> None:
    """One line, whole, without a buffer of Python's own. Raises OSError when nobody reads."""
    data = json.dumps(said, separators=(",", ":")).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]
