"""Measurements, side by side with something else. Each module's `main` prints a table and writes
JSON to build/bench; `python -m bench` runs them all, `python -m bench gate` one."""
