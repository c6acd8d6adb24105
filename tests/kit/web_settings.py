"""Django's settings in tests: the site's own, with a data folder of this test process only."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="samvad-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_before = os.environ.get("SAMVAD_DATA")
os.environ["SAMVAD_DATA"] = _folder

from samvad.web.settings import *  # noqa: E402, F403

# Processes that tests start get their data folder from the test, never this one.
if _before is None:
    del os.environ["SAMVAD_DATA"]
else:
    os.environ["SAMVAD_DATA"] = _before

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""Argon2 takes its time on purpose; one test looks at the real setting."""
