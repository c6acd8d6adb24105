"""Documents that an event's own key has signed: a rehearsal's permission, its certificate. Pure.

The key is Ed25519 (RFC 8032), derived from the site's secret and the event, so that whoever
has the site can sign and whoever has the public key can check, and a document of one event is
of no use for another. A document is {"body": …, "key": …, "signature": …}; signed are the
body's bytes in one form (sorted keys, no spaces, ASCII).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from samvad.protocol.secret import derive

MOST_BYTES = 64 * 1024


class SignatureError(ValueError):
    """No document, or not signed by the key that was expected."""


def public_key(secret: bytes, event: str) -> str:
    """The public key of `event` ("": of the site), base64url without padding."""
    return _text(_private(secret, event).public_key().public_bytes_raw())


def sign(secret: bytes, event: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with its key and signature."""
    key = _private(secret, event)
    signature = key.sign(_bytes(body))
    return {
        "body": dict(body),
        "key": _text(key.public_key().public_bytes_raw()),
        "signature": _text(signature),
    }


def opened(document: Any, key: str) -> dict[str, Any]:
    """The body of a document that `key` has signed. Raises SignatureError."""
    try:
        body, signature = document["body"], _raw(document["signature"])
        if not isinstance(body, dict) or document["key"] != key:
            raise SignatureError("it is signed by another key")
        Ed25519PublicKey.from_public_bytes(_raw(key)).verify(signature, _bytes(body))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        if isinstance(error, SignatureError):
            raise
        raise SignatureError("it is no signed document") from None
    except InvalidSignature:
        raise SignatureError("its signature is wrong") from None
    return body


def _private(secret: bytes, event: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(secret, "event-signature", event))


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode("ascii")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _raw(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
