"""Moderation: reports, decisions, appeals, and what comes back after a suspension."""
