"""The worker's house-keeping: some things at once, most of them rarely."""

from collections.abc import Callable

from samvad.base.clock import Clock

MINUTE_S = 60.0


class Rarely:
    """Runs `work` at most once in `every_s`; the first time at once."""

    def __init__(self, work: Callable[[], object], every_s: float) -> None:
        self._work = work
        self._every_s = every_s
        self._next: float | None = None

    def __call__(self, now: float) -> None:
        if self._next is None or now >= self._next:
            self._next = now + self._every_s
            self._work()


def _sweep() -> None:
    from samvad.moderation import evidence
    from samvad.web import archives
    from samvad.web.api import once

    once.forget_old()
    evidence.sweep()
    archives.sweep()


def _old_notices() -> None:
    from django.utils import timezone

    from samvad.notices import service

    service.trim_before(timezone.now())


def _unused_media() -> None:
    from samvad.posts import media

    media.sweep()


def _standings() -> None:
    from samvad.moderation import service
    from samvad.web import erasure

    service.lapse_due()
    erasure.erase_due()


_standings_due = Rarely(_standings, 5.0)
_sweep_due = Rarely(_sweep, 10 * MINUTE_S)
# Neither is found by an index: twice a second they would read a large site's whole tables.
_old_notices_due = Rarely(_old_notices, 10 * MINUTE_S)
_unused_media_due = Rarely(_unused_media, 10 * MINUTE_S)


def steps(clock: Clock) -> dict[str, Callable[[], object]]:
    """For worker.round_trip."""
    from samvad.web import archives, verified_links

    return {
        "standings": lambda: _standings_due(clock.now()),
        "archives": archives.make_next,
        "links": verified_links.look_at_next,
        "sweeps": lambda: _sweep_due(clock.now()),
        "old notices": lambda: _old_notices_due(clock.now()),
        "unused media": lambda: _unused_media_due(clock.now()),
    }
