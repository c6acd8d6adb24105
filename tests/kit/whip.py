"""A WHIP client that is not aiortc: the `whip` muxer of libavformat (in PyAV's wheel).

It publishes mono samples at real speed from its own process, so that a test can go on:
`python -m tests.kit.whip URL TOKEN FILE.wav`.
"""

import datetime
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.kit.sound import RATE, Samples, read_wav

FRAME = 960


def certificate(folder: Path) -> dict[str, str]:
    """DTLS identity on P-256, which every peer must take (RFC 8827, section 6.5).

    The one that GnuTLS inside the wheel would make by itself is on another curve, and
    aiortc's list of ciphers and curves refuses it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "whip")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"cert_file": str(folder / "cert.pem"), "key_file": str(folder / "key.pem")}


def publish(url: str, token: str, samples: Samples) -> None:
    """Speak `samples` and leave (the muxer sends DELETE). Raises av.FFmpegError."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"authorization": token, **certificate(Path(folder))}
        with av.open(url, "w", format="whip", options=options) as out:
            stream = out.add_stream("libopus", rate=RATE, layout="stereo")
            out.start_encoding()  # offer, answer, ICE and DTLS; only then the clock runs
            pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
            began = time.monotonic()
            for at in range(0, len(pcm) - FRAME + 1, FRAME):
                both = np.repeat(pcm[at : at + FRAME], 2)[None, :]
                frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
                frame.sample_rate, frame.pts = RATE, at
                for packet in stream.encode(frame):
                    out.mux(packet)
                time.sleep(max(0.0, began + (at + FRAME) / RATE - time.monotonic()))


if __name__ == "__main__":
    publish(sys.argv[1], sys.argv[2], read_wav(Path(sys.argv[3])))
