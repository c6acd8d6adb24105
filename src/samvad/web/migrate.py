"""The database's form, brought up to date by whoever comes first."""

import fcntl

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError

from samvad.base.errors import PlainError


def migrate() -> None:
    """Apply what is missing, one process at a time. Raises PlainError when it cannot."""
    folders = settings.FOLDERS
    try:
        folders.make()
        with open(folders.run / "migrate.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            call_command("migrate", interactive=False, verbosity=0)
    except (OSError, DatabaseError) as error:
        raise PlainError(
            f"The database in {folders.web} cannot be brought up to date: {error}.",
            "See that the folder is writable and the disk is not full.",
        ) from None
