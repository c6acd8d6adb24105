"""Files that strangers send: made here, byte by byte, so that nobody has to keep dangerous ones."""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

PLACE = "Ahmedabad 23.02 72.57"


def picture(width: int = 800, height: int = 600, form: str = "JPEG", **more: object) -> bytes:
    """A plain good picture."""
    image = Image.effect_noise((width, height), 60).convert("RGB")
    image.paste((200, 30, 30), (0, 0, width // 2, height // 2))
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def with_place() -> bytes:
    """A JPEG that says where, when and with what it was taken, in EXIF, XMP and a comment."""
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif[0x0112] = 6  # on its side: shown upright it is 600 by 800
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (23.0, 1.0, 21.0), "E", (72.0, 34.0, 17.0)
    gps[29] = PLACE
    return picture(
        exif=exif, comment=PLACE.encode(), xmp=f"<x:xmpmeta>{PLACE}</x:xmpmeta>".encode()
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, data: bytes, *more: bytes) -> bytes:
    """A PNG with this header and whatever data: it need not be true."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [_chunk(b"IHDR", head), *more, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bomb() -> bytes:
    """A few hundred kB that unpack to 2.5 thousand million pixels."""
    return png(50_000, 50_000, zlib.compress(bytes(4_000_000)))


def strip() -> bytes:
    """One pixel high, 40,000 wide."""
    return png(40_000, 1, zlib.compress(bytes(40_001)))


def text_bomb() -> bytes:
    """A small picture with a comment that unpacks to 100 MB."""
    comment = _chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(100_000_000)))
    return png(8, 8, zlib.compress(bytes(9 * 8)), comment)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>fetch('/accounts/logout/')</script>"
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"

REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "nonsense": lambda: bytes(range(256)) * 40,
    "svg": lambda: SVG,
    "html": lambda: HTML,
    "html that begins as a jpeg": lambda: b"\xff\xd8\xff\xe0" + HTML,
    "html that begins as a gif": lambda: b"GIF89a/*" + HTML + b"*/=1",
    "a pdf": lambda: b"%PDF-1.4\n" + HTML,
    "a zip": lambda: b"PK\x03\x04" + bytes(200),
    "tiff": lambda: picture(form="TIFF"),
    "bmp": lambda: picture(64, 64, form="BMP"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) run\n",
    "truncated jpeg": lambda: picture()[:6000],
    "truncated png": lambda: picture(form="PNG")[:3000],
    "truncated webp": lambda: picture(form="WEBP")[:2000],
    "a jpeg's head alone": lambda: picture()[:400],
    "a bomb": bomb,
    "a strip": strip,
    "a bomb of text": text_bomb,
    "a png that lies of its size": lambda: png(4000, 4000, zlib.compress(bytes(10))),
    "a png without width": lambda: png(0, 10, zlib.compress(b"")),
    "a video": lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100),
    "a playlist": lambda: PLAYLIST,
}
"""No photos, whatever they say they are."""

POLYGLOTS: dict[str, Callable[[], bytes]] = {
    "a jpeg with html behind it": lambda: picture() + HTML,
    "a png with a zip behind it": lambda: picture(form="PNG") + b"PK\x03\x04" + HTML,
    "a jpeg with a script in its comment": lambda: picture(comment=HTML),
    "a gif with html behind it": lambda: picture(form="GIF") + HTML,
    "a webp with html behind it": lambda: picture(form="WEBP") + HTML,
}
"""Photos that are also something else: taken, and only the photo is kept."""
