"""Durations and rates as people write them: 90, 60s, 5m, 1.5h, 30d; 64k. For options."""

import re
from typing import Any

import click

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_TIMES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


class Duration(click.ParamType[float]):
    """A float of seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"([0-9]*\.?[0-9]+) ?([a-z]*)", str(value))
        if found is None or found[2] not in _SECONDS:
            self.fail(f"{value!r} is no duration; write 90, 60s, 5m, 1.5h or 30d.", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


class Amount(click.ParamType[float]):
    """A float; with k, M or G behind it times that."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"([0-9]*\.?[0-9]+)([kMG]?)", str(value).replace(",", ""))
        if found is None:
            self.fail(f"{value!r} is no amount; write 64000 or 64k.", param, ctx)
        return float(found[1]) * _TIMES[found[2]]
