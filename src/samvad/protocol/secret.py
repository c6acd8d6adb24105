"""One secret a site; every key is derived from it, so that no room can forge for another.

`derive` is BLAKE2b in keyed mode with the purpose as personalisation (RFC 7693, section 2.9
of the BLAKE2 paper): keys of different purposes and events are independent.
"""

import hashlib
import os
import secrets
import unicodedata
from pathlib import Path

from samvad.base.errors import PlainError

KEY_BYTES = 32


def derive(secret: bytes, purpose: str, about: str = "") -> bytes:
    """A 32-byte key for `purpose` (at most 16 ASCII bytes) and `about` (an event id, or "")."""
    person = purpose.encode("ascii")
    if len(person) > 16:
        raise ValueError(f"purpose {purpose!r} is longer than 16 bytes")
    return hashlib.blake2b(
        about.encode(), key=secret, person=person, digest_size=KEY_BYTES
    ).digest()


def token_for(secret: bytes, purpose: str, about: str = "") -> str:
    """A bearer token for programs of this site: operator, uplink, an event's host."""
    return derive(secret, purpose, about).hex()[:40]


def token_hash(token: str) -> str:
    """What a plan carries in place of a speaker's token (tokens have 128 random bits)."""
    return hashlib.blake2b(token.encode(), digest_size=16, person=b"speaker-token").hexdigest()


def passphrase_hash(secret: bytes, event: str, passphrase: str) -> str:
    """What a plan carries in place of a passphrase: keyed, so that a plan alone tells nothing.

    People type it from memory, on phones: case, width and the number of spaces do not matter.
    """
    plain = " ".join(unicodedata.normalize("NFKC", passphrase).casefold().split())
    return hashlib.blake2b(
        plain.encode("utf-8", "surrogatepass"),
        key=derive(secret, "passphrase", event),
        digest_size=32,
    ).hexdigest()


def read_secret(path: Path) -> bytes:
    """The site's secret. Raises PlainError when it is missing or damaged."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise PlainError(
            f"There is no secret key at {path}.",
            "Start the site once with `samvad up`, or give the right --data.",
        ) from None
    except (OSError, ValueError) as error:
        raise PlainError(
            f"The secret key {path} cannot be read: {error}.",
            "Restore it from a copy; a new one makes all links invalid.",
        ) from None
    if len(key) != KEY_BYTES:
        raise PlainError(
            f"The secret key {path} is damaged (it has {len(key)} bytes).",
            "Restore it from a copy; a new one makes all links invalid.",
        )
    return key


def make_secret(path: Path) -> bytes:
    """Read the secret, making one (mode 0600) when there is none. Safe against two at once."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(KEY_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, path)  # fails if another start was first; then theirs is taken
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return read_secret(path)
