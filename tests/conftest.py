"""For all tests: Django, with the settings of tests/kit/web_settings.py; Hypothesis without
deadlines, for a busy machine is no failing test."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.kit.web_settings"

import django
from hypothesis import settings

settings.register_profile("samvad", deadline=None)
settings.load_profile("samvad")

django.setup()  # pytest-django takes over from here: no database without its mark
