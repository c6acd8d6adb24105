"""Samvad: live, unscripted conversations in front of any crowd. Start at docs/tour.md."""

__version__ = "0.1.0"
