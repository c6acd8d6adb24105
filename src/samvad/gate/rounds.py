"""Everybody in turn, a part in each tick. Pure; `now` is monotonic seconds."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """`everybody` is asked for when a round begins: who comes meanwhile has a turn in the next.
    Nobody has one more often than every `least_s` seconds."""

    __slots__ = ("_all", "_at", "_began", "_everybody", "_least_s", "took_s")

    def __init__(self, everybody: Callable[[], Iterable[T]], least_s: float) -> None:
        self._everybody, self._least_s = everybody, least_s
        self._all: list[T] = []
        self._at, self._began = 0, float("-inf")
        self.took_s = float("inf")
        """So long since those who have their turn now had it last."""

    def part(self, most: int, now: float) -> list[T]:
        """The next, at most so many; all of a round before anybody of the next one."""
        if self._at >= len(self._all) and now - self._began >= self._least_s:
            self.took_s = now - self._began
            self._began, self._all, self._at = now, list(self._everybody()), 0
        part = self._all[self._at : self._at + most]
        self._at += len(part)
        return part
