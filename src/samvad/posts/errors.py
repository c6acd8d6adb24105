"""What cannot be done with a post, a photo or a video, said to the person who tried."""

from samvad.base.errors import PlainError


class PostError(PlainError):
    """`code` names the reason for programs; `field` the form's field it belongs to, or ""."""

    def __init__(
        self, says: str, mend: str = "", *, code: str = "invalid", field: str = ""
    ) -> None:
        super().__init__(says, mend)
        self.code = code
        self.field = field
