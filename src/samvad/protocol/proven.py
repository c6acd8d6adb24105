"""What rehearsals have proven of this site, read from its data folder: for the door, the console
and `samvad plan`. Reads files; the judgement is in certificate.py.
"""

import os
from collections.abc import Mapping
from typing import Any

from samvad import __version__
from samvad.base import machine
from samvad.base.folders import Folders
from samvad.protocol.certificate import Certificate, Place, read, settings_mark
from samvad.protocol.signing import MOST_BYTES, public_key


def here(gate: Mapping[str, Any]) -> Place:
    """This version, these settings of the gate (`dataclasses.asdict`), this machine."""
    return Place(
        version=__version__,
        settings=settings_mark(gate),
        cpus=machine.cpus(),
        cpu=machine.cpu_name(),
        memory_gb=machine.memory_gb(),
    )


def certificate_of(folders: Folders, secret: bytes, event: str) -> Certificate | None:
    """The event's own certificate, else the site's; None when there is none. Raises
    CertificateError for a file that does not hold."""
    for name in dict.fromkeys((event, "")):
        try:
            with open(folders.certificate(name), "rb") as file:
                text = file.read(MOST_BYTES)
        except OSError:
            continue
        return read(text, public_key(secret, name))
    return None


def mark(folders: Folders, event: str) -> tuple[int, int]:
    """Changes when one of the files does: times in ns, 0 for a file that is not there."""

    def changed_ns(name: str) -> int:
        try:
            return os.stat(folders.certificate(name)).st_mtime_ns
        except OSError:
            return 0

    return changed_ns(event), changed_ns("")
