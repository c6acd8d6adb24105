"""Standard library only: clocks, settings, counters, errors, log."""
