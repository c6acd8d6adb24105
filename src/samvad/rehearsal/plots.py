"""Small plots as SVG, by hand: lines over time with phases shaded, bars, points. Pure.

Colours are CSS variables of the page (report.py), so that light and dark both work.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 26, 26

Axis = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. `style`: a to d, the page's colours. None: nothing was measured then."""

    name: str
    values: Sequence[float | None]
    style: str = "a"
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time with a name. `kind`: "phase", "attack" or "rung"."""

    name: str
    from_x: float
    to_x: float
    kind: str = "phase"


def over_time(
    times: Sequence[float],
    lines: Sequence[Line],
    shades: Sequence[Shade] = (),
    unit: str = "",
    logarithmic: bool = False,
) -> str:
    """Curves over seconds. `logarithmic`: for times that span decades."""
    if not times:
        return '<p class="none">Nothing was measured.</p>'
    end = max(times[-1], 1.0)
    every = [v for line in lines for v in line.values if v is not None]
    top = _round_up(max(every, default=1.0) or 1.0)
    low = max(min((v for v in every if v > 0), default=1.0), top / 1e5)
    low = 10 ** math.floor(math.log10(low)) if low > 0 else 1.0

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / end

    def y(value: float) -> float:
        if logarithmic:
            share = math.log10(max(value, low) / low) / max(math.log10(top / low), 1e-9)
        else:
            share = value / top
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(share, 1.0)

    parts = [_shade(s, x) for s in shades] + [_shade_name(s, x) for s in shades]
    for value in _decades(low, top) if logarithmic else _ticks(top):
        at = y(value)
        parts.append(_rule(at))
        parts.append(_tick(LEFT - 6, at + 4, _short(value), "end"))
    for value in _ticks(end, 6):
        parts.append(_tick(x(value), HEIGHT - 8, f"{_short(value)} s"))
    for line in lines:
        parts += _curve(line, times, x, y)
    title = ", ".join(line.name for line in lines)
    label = f'<text class="tick" x="{LEFT}" y="14">{escape(unit)}</text>' if unit else ""
    return _svg(label + "".join(parts), title) + _legend(lines, shades)


def bars(rows: Sequence[Sequence[float]], unit: str, mark: float = 0.0) -> str:
    """[upper bound, count] rows as bars on a logarithmic axis; `mark`: a bound, drawn."""
    if not rows:
        return '<p class="none">Nothing was measured.</p>'
    uppers = [max(row[0], 0.01) for row in rows]
    first = uppers[0] / (uppers[1] / uppers[0] if len(uppers) > 1 else 2)
    high = max(uppers[-1], mark * 1.05, first * 10)
    most = max(row[1] for row in rows)

    def x(value: float) -> float:
        share = math.log(max(value, first) / first) / math.log(high / first)
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    parts, before = [], first
    for upper, count in rows:
        height = (HEIGHT - TOP - BOTTOM) * count / most
        if count:
            wide = max(1.0, x(upper) - x(before) - 0.5)
            parts.append(
                f'<rect class="bar" x="{x(before):.1f}" width="{wide:.1f}" '
                f'y="{HEIGHT - BOTTOM - height:.1f}" height="{height:.1f}"/>'
            )
        before = max(upper, 0.01)
    for value in _decades(first, high):
        parts.append(_tick(x(value), HEIGHT - 8, f"{_short(value)} {unit}"))
    if mark:
        parts.append(
            f'<line class="mark" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP}" '
            f'y2="{HEIGHT - BOTTOM}"/>' + _tick(x(mark) - 4, TOP + 10, "promised", "end")
        )
    parts.append(_rule(HEIGHT - BOTTOM) + _tick(LEFT, 14, "listeners", "start"))
    return _svg("".join(parts), "distribution")


def points(pairs: Sequence[Sequence[float]], across: str, up: str) -> str:
    """(x, y) pairs in seconds, and the line on which both are the same."""
    if not pairs:
        return '<p class="none">Nobody had to wait with a time told.</p>'
    top = _round_up(max(max(p) for p in pairs) or 1.0)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / top

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [f'<line class="mark" x1="{x(0)}" y1="{y(0)}" x2="{x(top)}" y2="{y(top)}"/>']
    parts += [f'<circle class="dot" cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.5"/>' for a, b in pairs]
    for value in _ticks(top):
        parts.append(_tick(LEFT - 6, y(value) + 4, f"{_short(value)} s", "end"))
        parts.append(_tick(x(value), HEIGHT - 8, f"{_short(value)} s"))
    parts.append(f'<text class="tick" x="{LEFT}" y="14">{escape(up)} ↑, {escape(across)} →</text>')
    return _svg("".join(parts), f"{up} against {across}")


def _curve(line: Line, times: Sequence[float], x: Axis, y: Axis) -> list[str]:
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(times, line.values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x(at), y(value)))
    found = []
    for run in runs:
        if not run:
            continue
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in run)
        if line.filled:
            ground = HEIGHT - BOTTOM
            area = f"{run[0][0]:.1f},{ground} {path} {run[-1][0]:.1f},{ground}"
            found.append(f'<polygon class="area {line.style}" points="{area}"/>')
        found.append(f'<polyline class="line {line.style}" points="{path}"/>')
    return found


def _shade(shade: Shade, x: Axis) -> str:
    left, right = x(shade.from_x), min(x(shade.to_x), WIDTH - RIGHT)
    if right <= left:
        return ""
    # Rungs are a band below the curves: an attack and the rung it brings are at the same time.
    y, height = (HEIGHT - BOTTOM, 6) if shade.kind == "rung" else (TOP, HEIGHT - TOP - BOTTOM)
    return (
        f'<rect class="shade {shade.kind}" x="{left:.1f}" width="{right - left:.1f}" '
        f'y="{y}" height="{height}"/>'
    )


def _shade_name(shade: Shade, x: Axis) -> str:
    """Its name, where there is room for it; attacks have a line of their own."""
    left, right = x(shade.from_x), min(x(shade.to_x), WIDTH - RIGHT)
    if shade.kind == "rung" or right - left < 6.2 * len(shade.name):
        return ""
    at = TOP + 11 + (12 if shade.kind == "attack" else 0)
    return f'<text class="phase" x="{left + 4:.1f}" y="{at}">{escape(shade.name)}</text>'


def _legend(lines: Sequence[Line], shades: Sequence[Shade]) -> str:
    keys = [f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines]
    kinds = {s.kind for s in shades}
    if "attack" in kinds:
        keys.append('<span class="key attack">attack</span>')
    if "rung" in kinds:
        keys.append('<span class="key rung">a rung of the ladder</span>')
    return f'<p class="legend">{"".join(keys)}</p>'


def _tick(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _rule(y: float) -> str:
    return f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _svg(inside: str, title: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    return f"<svg {box}>{inside}</svg>"


def _round_up(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return next(decade * step for step in (1, 2, 2.5, 5, 10) if decade * step >= value)


def _ticks(top: float, wanted: int = 4) -> list[float]:
    step = _round_up(top / wanted)
    return [step * n for n in range(int(top / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**n for n in range(first, last + 1)]


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g} M"
    if value >= 1e4:
        return f"{value / 1e3:g} k"
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
