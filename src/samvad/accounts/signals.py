"""What other rooms may want to know of an account."""

from django.dispatch import Signal

standing_changed = Signal()
"""Sent by accounts/moves.py with `user`, `old`, `new` (both Standing) and `at` (an aware moment),
in the transaction that changes the standing: who writes for it writes with it or not at all. What
cannot be undone (a call to another process) belongs behind `transaction.on_commit`. A receiver
that raises undoes the change."""
