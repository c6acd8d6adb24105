"""A push service and a browser of our own: takes pushes by HTTP, decrypts them by RFC 8291.

Nothing of the site's own encryption is used: the key schedule is written down here once more,
from the RFCs' own words, over the primitives of `cryptography`.
"""

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def decrypt(body: bytes, receiver: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """The plaintext of a push message (RFC 8291, section 3; RFC 8188, section 2)."""
    salt, id_length = body[:16], body[20]
    sender, sealed = body[21 : 21 + id_length], body[21 + id_length :]
    shared = receiver.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    )
    info = b"WebPush: info\0" + point(receiver.public_key()) + sender
    secret = _hkdf(auth, shared, info, 32)
    key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    padded = AESGCM(key).decrypt(nonce, sealed, None)
    text, delimiter = padded.rstrip(b"\0")[:-1], padded.rstrip(b"\0")[-1]
    assert delimiter == 2, "the last record ends in 2 (RFC 8188, section 2)"
    return text


def claims_of(authorization: str, key: str) -> dict[str, Any]:
    """The claims of a VAPID header, whose signature must be of `key` (RFC 8292; RFC 7515)."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert parts["k"] == key
    signed, _, signature = parts["t"].rpartition(".")
    raw = from64(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from64(key))
    public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    head, claims = (json.loads(from64(part)) for part in signed.split("."))
    assert head["alg"] == "ES256"
    return dict(claims)


@dataclass
class Browser:
    """One that has subscribed at `service`."""

    service: "PushService"
    name: str = "one"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = b"sixteen bytes ok"

    @property
    def endpoint(self) -> str:
        return f"{self.service.url}/push/{self.name}"

    def subscription(self) -> dict[str, Any]:
        """As PushSubscription.toJSON() gives it."""
        keys = {"p256dh": url64(point(self.key.public_key())), "auth": url64(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def got(self) -> list[dict[str, Any]]:
        """What was pushed to it, decrypted, oldest first."""
        mine = [p for p in self.service.pushes if p.path == f"/push/{self.name}"]
        return [json.loads(decrypt(push.body, self.key, self.auth)) for push in mine]


@dataclass
class Pushed:
    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """Listens on the loopback address; answers `status` (and `headers`) to each push."""

    def __init__(self) -> None:
        self.status = 201
        self.headers: dict[str, str] = {}
        self.pushes: list[Pushed] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.pushes.append(Pushed(self.path, dict(self.headers), body))
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
