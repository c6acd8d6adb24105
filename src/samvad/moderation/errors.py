"""What a moderator, or somebody who reports or appeals, can mend."""

from samvad.base.errors import PlainError


class ModerationError(PlainError):
    """Something that cannot be decided, reported or appealed (any more)."""
