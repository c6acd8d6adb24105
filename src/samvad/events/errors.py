"""What a host can mend."""

from samvad.base.errors import PlainError


class EventError(PlainError):
    """An event that cannot be, or cannot be any more. `field` names what does not fit."""

    def __init__(self, says: str, mend: str = "", field: str = "") -> None:
        super().__init__(says, mend)
        self.field = field
