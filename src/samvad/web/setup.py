"""Getting Django ready in a process that is not one of Django's own."""

import os
from pathlib import Path

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.base.settings import Settings, data_folder, load
from samvad.protocol.secret import make_secret

_given: tuple[Path, Settings] | None = None


def setup(data: Path, settings: Settings) -> None:
    """Prepare Django for the site in `data`; services may be imported afterwards.

    Makes the data folder and the site's secret when they are missing. May be called again
    with the same site; another site in the same process is a mistake (RuntimeError). Raises
    PlainError when the folder cannot be used.
    """
    global _given  # noqa: PLW0603  (Django's settings are one a process, and so is this)
    if _given is not None and _given[0] != data:
        raise RuntimeError(f"this process serves the site in {_given[0]}, not {data}")
    folders = Folders(data)
    try:
        folders.make()
        make_secret(folders.secret)
    except OSError as error:
        raise PlainError(
            f"The data folder {data} cannot be used: {error.strerror or error}.",
            "See that it is a folder, is writable, and its disk is not full; or choose another "
            "with --data or SAMVAD_DATA.",
        ) from None
    _given = (data, settings)
    os.environ["SAMVAD_DATA"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "samvad.web.settings"
    import django

    django.setup()


def site() -> tuple[Path, Settings]:
    """The data folder and settings given to `setup`, else those the environment names."""
    if _given is not None:
        return _given
    data = data_folder()
    return data, load(data)
