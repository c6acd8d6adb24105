"""What a person did, or the machine lacks: said in one sentence, with the mend."""


class PlainError(Exception):
    """An expected failure to show to a person: `says` what happened, `mend` what to do.

    The command line prints both and exits 1; it never shows a traceback for one of these.
    """

    def __init__(self, says: str, mend: str = "") -> None:
        super().__init__(f"{says} {mend}".strip())
        self.says = says
        self.mend = mend
