"""How long to wait after failures, as the page's player has it. Pure."""

_AGAIN_S = (0.4, 0.8, 1.6, 3.2, 6.0)


class Retry:
    """Longer from try to try; half of each wait is chance, so that a crowd does not come back in
    step."""

    __slots__ = ("_tries",)

    def __init__(self) -> None:
        self._tries = 0

    def worked(self) -> None:
        self._tries = 0

    def wait_s(self, chance: float) -> float:
        """After one more failure; `chance` in [0, 1)."""
        most = _AGAIN_S[min(self._tries, len(_AGAIN_S) - 1)]
        self._tries += 1
        return most / 2 + most / 2 * chance
