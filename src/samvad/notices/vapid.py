"""This site's name to push services: VAPID (RFC 8292). Pure; times are Unix seconds.

The key is derived from the site's secret, which is made at the first start: there is no second
file to lose, and what browsers were told stays true as long as the site keeps its secret.
"""

import base64
import json
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from samvad.protocol.secret import derive

GOOD_FOR_S = 12 * 3600
"""A claim is good for so long; the RFC allows 24 hours (section 2)."""
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256 (FIPS 186-4, D.1.2.3)."""


def private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """The site's key. Two derivations make 512 bits, so that reducing them is no bias."""
    wide = derive(secret, "vapid", "1") + derive(secret, "vapid", "2")
    return ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def public_key(secret: bytes) -> str:
    """What a browser is given as applicationServerKey: the uncompressed point in base64url."""
    return base64url(_point(private_key(secret)))


def authorization(secret: bytes, endpoint: str, contact: str, now_s: int) -> str:
    """The Authorization header of a push to `endpoint` (RFC 8292, section 3)."""
    key, parts = private_key(secret), urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": now_s + GOOD_FOR_S,
        "sub": contact,
    }
    signed = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))  # RFC 7518, section 3.4
    return f"vapid t={signed}.{signature}, k={base64url(_point(key))}"


def base64url(data: bytes) -> str:
    """Without padding, as JOSE and Web Push write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", True)


def _json(claims: dict[str, object] | dict[str, str]) -> str:
    return base64url(json.dumps(claims, separators=(",", ":")).encode())


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
