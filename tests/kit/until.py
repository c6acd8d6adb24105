"""Waiting for something that must come, with a deadline instead of a hope."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


class Late(AssertionError):
    """It did not come in time."""


@overload
async def until(
    what: Callable[[], Awaitable[T | None]],
    within: float,
    about: str | Callable[[], str] = ...,
    every: float = ...,
) -> T: ...
@overload
async def until(
    what: Callable[[], T | None],
    within: float,
    about: str | Callable[[], str] = ...,
    every: float = ...,
) -> T: ...
async def until(
    what: Callable[[], Any],
    within: float,
    about: str | Callable[[], str] = "",
    every: float = 0.1,
) -> Any:
    """Ask `what` every `every` seconds until its answer is true, and return that answer.

    Raises Late, naming `about` and the last answer, after `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        answer = what()
        found = await answer if isinstance(answer, Awaitable) else answer
        if found:
            return found
        if time.monotonic() > deadline:
            said = about() if callable(about) else about
            raise Late(f"not within {within:g} s: {said or what} (last answer {found!r})")
        await asyncio.sleep(every)


def until_now(
    what: Callable[[], T | None],
    within: float,
    about: str | Callable[[], str] = "",
    every: float = 0.1,
) -> T:
    """`until` for tests without an event loop."""
    deadline = time.monotonic() + within
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            said = about() if callable(about) else about
            raise Late(f"not within {within:g} s: {said or what} (last answer {found!r})")
        time.sleep(every)
