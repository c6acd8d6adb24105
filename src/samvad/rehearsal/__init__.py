"""Listeners as a site sees them: a black box that knows only what the protocol says."""
