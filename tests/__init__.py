"""The tests; tests/kit is what they share."""
