"""Photos and avatars: what a stranger sent is read once, and written anew by us. No I/O.

Nothing of the file that came is kept but its picture: no EXIF (where it was taken, above all), no
colour profile, no comment, no second file behind the first. What is no picture, or would become
too large when it is unpacked, is refused before it is.
"""

import io
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

from samvad.base.errors import PlainError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
PIXELS_MAX = 50_000_000
SIDE_MAX = 20_000
RATIO_MAX = 20
QUALITY = 80
AT_ONCE = 2
"""Pictures unpacked at the same time in a process: each may take 200 MB for a second."""

PATIENCE_S = 20.0

_room = threading.BoundedSemaphore(AT_ONCE)


class PictureError(PlainError):
    """A file that does not become a picture. `code`: unreadable, large, busy."""

    def __init__(self, code: str, says: str, mend: str = "") -> None:
        super().__init__(says, mend)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """A picture in several sizes. `files`: what for ("w480", "jpg") → the file's bytes.

    Those that begin with w are WebP of that width; "jpg" is for programs that read nothing newer.
    `width` and `height` are of the largest one.
    """

    width: int
    height: int
    files: dict[str, bytes]


def photo(data: bytes, widths: Sequence[int] = (480, 960, 1920)) -> Picture:
    """The picture, upright, in those widths (none larger than it is). Raises PictureError."""
    with _Room():
        image = _read(data, max(widths))
        files: dict[str, bytes] = {}
        for wide in sorted(widths):
            one = _scaled(image, wide)
            files[f"w{wide}"] = _webp(one)
            if one.width < wide:
                break
        files["jpg"] = _jpeg(_scaled(image, 1200))
        return Picture(one.width, one.height, files)


def avatar(
    data: bytes, sides: Sequence[int] = (96, 400), focus: tuple[float, float] = (0.5, 0.5)
) -> Picture:
    """A square around `focus` (0 to 1 from left and top), in those sides. Raises PictureError."""
    with _Room():
        image = _read(data, 4 * max(sides))
        side = max(sides)
        square = ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS, centering=focus)
        files = {
            f"w{one}": _webp(square.resize((one, one), Image.Resampling.LANCZOS))
            for one in sorted(sides)
        }
        return Picture(side, side, files | {"jpg": _jpeg(square)})


def banner(data: bytes, widths: Sequence[int] = (750, 1500)) -> Picture:
    """Three times as wide as high, cut from the middle. Raises PictureError."""
    with _Room():
        wide = max(widths)
        image = _read(data, 2 * wide)
        cut = ImageOps.fit(image, (wide, wide // 3), Image.Resampling.LANCZOS)
        files = {f"w{one}": _webp(_scaled(cut, one)) for one in sorted(widths)}
        return Picture(wide, wide // 3, files | {"jpg": _jpeg(cut)})


class _Room:
    """A place among those that unpack pictures; raises PictureError after PATIENCE_S."""

    def __enter__(self) -> None:
        if not _room.acquire(timeout=PATIENCE_S):
            raise PictureError(
                "busy", _("Too many photos are being read just now."), _("Try again in a minute.")
            )

    def __exit__(self, *_error: object) -> None:
        _room.release()


def _read(data: bytes, wide: int) -> Image.Image:
    """Upright, sRGB, RGB or RGBA, at least `wide` where it was that large."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of bombs at sizes below ours, and of odd EXIF that we drop anyway.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(image)
            image.draft("RGB", (wide, wide))
            image.load()
            return _srgb(ImageOps.exif_transpose(image))
    except PictureError:
        raise
    except Exception as error:
        # Pillow's plugins raise whatever their parsing meets: OSError, SyntaxError, ValueError,
        # struct.error, IndexError, OverflowError, MemoryError. None of it is the asker's to read.
        raise _unreadable() from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise _unreadable()
    if (
        width * height > PIXELS_MAX
        or max(width, height) > SIDE_MAX
        or max(width, height) > RATIO_MAX * min(width, height)
    ):
        raise PictureError(
            "large",
            _("This photo is too large to be shown."),
            _("Use one of at most 50 megapixels that is not a narrow strip."),
        )


def _srgb(image: Image.Image) -> Image.Image:
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    profile = image.info.get("icc_profile")
    flat = image.convert("RGBA" if alpha else "RGB")
    if profile and not alpha and image.mode == "RGB":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(flat, source, ImageCms.createProfile("sRGB"))
            flat = made or flat
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the colours are taken as they are
    # A new image: nothing of the old one's info (EXIF, XMP, comments) comes along.
    clean = Image.new(flat.mode, flat.size)
    clean.paste(flat)
    return clean


def _scaled(image: Image.Image, wide: int) -> Image.Image:
    if image.width <= wide:
        return image
    high = max(1, round(image.height * wide / image.width))
    return image.resize((wide, high), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=3)
    return out.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    if image.mode == "RGBA":
        ground = Image.new("RGB", image.size, (255, 255, 255))
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, progressive=True, optimize=True)
    return out.getvalue()


def _unreadable() -> PictureError:
    return PictureError(
        "unreadable",
        _("This file cannot be read as a photo."),
        _("Use a JPEG, PNG, WebP, GIF or AVIF file."),
    )
