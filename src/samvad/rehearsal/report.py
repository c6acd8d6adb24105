"""A result (result.py) as one page that needs nothing else: no script, no font, no address. Pure.

The first screen is for everybody: kept or broken, and why. Below it are the plots.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from samvad.rehearsal.plots import Line, Shade, bars, over_time, points
from samvad.rehearsal.report_style import STYLE


def page(told: Mapping[str, Any]) -> str:
    """The whole HTML page."""
    kept = told["verdict"] == "kept"
    scenario = told["scenario"]
    verdict = "The promise was kept" if kept else "The promise was broken"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{verdict}: {escape(scenario["title"])}</title>
<style>{STYLE}</style></head><body><main>
<header><p class="brand">samvad · rehearsal</p>
<h1 class="{"kept" if kept else "broken"}">{"✓" if kept else "✗"} {verdict}</h1>
<p class="lead">{escape(scenario["title"])}: {told["arrived"]:,} listeners,
{_length(scenario["for_s"])}. {escape(scenario["says"])}</p>
{_why(told)}</header>
{_tiles(told)}
{_findings(told["findings"])}
{_plots(told)}
{_steps(told)}
{_attacks(told)}
{_answers(told)}
{_about(told)}
</main></body></html>
"""


def _why(told: Mapping[str, Any]) -> str:
    if told["why"]:
        items = "".join(f"<li>{escape(says)}</li>" for says in told["why"])
        return f'<ul class="why">{items}</ul>'
    if told["knee"]:
        return f'<p class="why">{escape(told["findings"][0]["says"])}</p>'
    says = "Everybody who was let in heard it, in time and without a gap."
    waiting = told["series"]["waiting"][-1] if told["series"]["waiting"] else 0
    if waiting:
        says += f" {waiting:,} still stood in line at the end."
    return f'<p class="why">{says}</p>'


def _tiles(told: Mapping[str, Any]) -> str:
    sound, wait = told["first_sound_ms"], told["wait_ms"]
    tiles = [
        (f"{told['arrived']:,}", "came"),
        (f"{told['admitted']:,}", "were let in"),
        (f"{told['playing_peak']:,}", "listened at once, at the peak"),
        (
            _seconds(sound["p50"]),
            f"to the first sound; 99 of 100 within {_seconds(sound['p99'])}",
        ),
        (f"{told['stalled_listeners']:,}", "had the sound stop in the middle"),
    ]
    if told["waited"]:
        half = f", half of them for up to {wait['p50'] / 1000:.0f} s" if wait["max"] else ""
        tiles.append((f"{told['waited']:,}", f"stood in line{half}"))
    if told["refused"]:
        tiles.append((f"{told['refused']:,}", "times somebody was turned away"))
    if told["attacks"]:
        asked = sum(a["requests"] + a["begun"] for a in told["attacks"])
        tiles.append((f"{asked:,}", "hostile connections and requests meanwhile"))
    made = "".join(f"<li><b>{escape(figure)}</b> {escape(text)}</li>" for figure, text in tiles)
    return f'<ul class="tiles">{made}</ul>'


def _findings(findings: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr class="{"kept" if f["kept"] else "broken"}"><td>{"✓" if f["kept"] else "✗"}</td>'
        f"<th>{escape(f['name'])}</th><td>{escape(f['says'])}</td></tr>"
        for f in findings
    )
    return f"<section><h2>What was promised, and what was found</h2><table>{rows}</table></section>"


def _plots(told: Mapping[str, Any]) -> str:
    series = told["series"]
    times = series["at_s"]
    shades = _shades(told)

    def curve(name: str, column: str, style: str, filled: bool = False) -> Line:
        return Line(name, series[column], style, filled)

    arrivals = over_time(
        times,
        [
            curve("arrived", "arrived", "b"),
            curve("let in", "admitted", "a"),
            curve("playing", "playing", "c", filled=True),
            curve("in line", "waiting", "d"),
        ],
        shades,
        "listeners",
    )
    sound = bars(told["first_sound_histogram"], "ms", told["promise"]["first_sound_s"] * 1000)
    listening = [
        max(p + s, 1) / 3600 for p, s in zip(series["playing"], series["stalled"], strict=True)
    ]
    stalls = over_time(
        times,
        [
            Line(
                "stalls per listener-hour",
                [n / h for n, h in zip(series["stalls"], listening, strict=True)],
                "a",
                True,
            )
        ],
        shades,
        "stalls per listener-hour",
    )
    p99 = over_time(
        times,
        [curve("99 of 100 answers", "p99_ms", "a"), curve("half of the answers", "p50_ms", "c")],
        shades,
        "ms",
        logarithmic=True,
    )
    failed = over_time(
        times,
        [curve("failed", "errors", "a"), curve("later than a second", "late", "d")],
        shades,
        "requests a second",
    )
    wait = points(told["line"]["waits_s"], "the door said", "it was")
    server = over_time(
        times, [curve("cores", "server_cpu", "a", filled=True)], shades, "the server's cores"
    )
    bandwidth = over_time(
        times,
        [
            Line("received by the crowd", [n * 8 / 1e6 for n in series["received"]], "c"),
            Line(
                "sent by the server",
                [None if n is None else n * 8 / 1e6 for n in series["server_bytes"]],
                "a",
            ),
        ],
        shades,
        "Mbit/s",
    )
    own = over_time(
        times,
        [
            curve("lateness p99, ms", "own_late_p99_ms", "a"),
            Line("cores × 10", [c * 10 for c in series["own_cpu"]], "c"),
        ],
        shades,
        "the generator",
    )
    none = '<p class="none">The server told no figures (--metrics), and runs elsewhere.</p>'
    seen = any(v is not None for v in series["server_cpu"])
    return "".join(
        (
            _plot(
                "Who came, who was let in",
                "A gap between the two is the line, or refusals.",
                arrivals,
            ),
            _plot(
                "Time to the first sound",
                "From coming (or from being let in, after the line) to the first sound.",
                sound,
            ),
            _plot("Stalls", "How often the sound stopped in the middle.", stalls),
            _plot(
                "Was the wait as told?",
                "Each point is one listener in line; on the dashed line, the door was right.",
                wait,
            ),
            _plot(
                "How fast the server answered",
                "All requests but those that are meant to wait; the axis is logarithmic.",
                p99,
            ),
            _plot("What failed", "", failed),
            _plot("The server's processor", "", server if seen else none),
            _plot("Bandwidth", "", bandwidth),
            _plot("The generator's own health", _generator(told["generator"]), own),
        )
    )


def _plot(title: str, text: str, plot: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{plot}</section>"


def _shades(told: Mapping[str, Any]) -> list[Shade]:
    found = [
        Shade(p["name"], p["from_s"], p["to_s"], "attack" if p["attack"] else "phase")
        for p in told["scenario"]["phases"]
    ]
    series = told["series"]
    since: float | None = None
    for at, rung in zip(series["at_s"], series["rung"], strict=True):
        if rung and since is None:
            since = at
        elif not rung and since is not None:
            found.append(Shade("rung", since, at, "rung"))
            since = None
    if since is not None:
        found.append(Shade("rung", since, series["at_s"][-1], "rung"))
    return found


def _steps(told: Mapping[str, Any]) -> str:
    if not told["steps"]:
        return ""
    rows = "".join(
        f'<tr class="{"broken" if s["broken"] else "kept"}"><td>{"✗" if s["broken"] else "✓"}</td>'
        f"<td>{s['listeners']:,}</td><td>{s['joins_per_s']:g}</td><td>{s['playing']:,}</td>"
        f"<td>{escape(' '.join(s['broken']) or 'kept')}</td></tr>"
        for s in told["steps"]
    )
    head = "<tr><th></th><th>listeners</th><th>joins/s</th><th>playing</th><th></th></tr>"
    return f"<section><h2>Step by step</h2><table>{head}{rows}</table></section>"


def _attacks(told: Mapping[str, Any]) -> str:
    if not told["attacks"]:
        return ""
    rows = "".join(
        f"<tr><th>{escape(a['kind'])}</th><td>{escape(a['says'])}</td></tr>"
        for a in told["attacks"]
    )
    return f"<section><h2>What the attacks did, and got</h2><table>{rows}</table></section>"


def _answers(told: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(a['kind'])}</th><td>{a['count']:,}</td><td>{a['p50']:,.1f}</td>"
        f"<td>{a['p99']:,.1f}</td><td>{a['max']:,.1f}</td></tr>"
        for a in told["answers"]
    )
    failed = "".join(
        f"<tr><th>{escape(how)}</th><td>{count:,}</td></tr>"
        for how, count in list(told["errors_by"].items())[:20]
    )
    names = ("asked for", "times", "p50, ms", "p99, ms", "longest, ms")
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    found = (
        f"<section><h2>Answers by kind</h2><table class='figures'>{head}{rows}</table></section>"
    )
    if failed:
        found += (
            f"<section><h2>Failures by kind</h2><table class='figures'>{failed}</table></section>"
        )
    return found


def _generator(own: Mapping[str, Any]) -> str:
    says = " ".join(own["says"])
    could = own["ceiling_per_core"]
    if could:
        says += (
            f" It used {own['cpu_us_per_listener_s']:g} µs of a processor for each second of each "
            f"listener: it could have done about {could:,} such listeners a core."
        )
    else:
        says += " It was hardly used; its ceiling is measured by python -m bench.crowd --ceiling."
    return says


def _about(told: Mapping[str, Any]) -> str:
    machine, full, own = told["machine"], told["full"], told["generator"]
    rows = [
        ("Target", told["target"]),
        ("When", told["at"]),
        ("Version", told["version"]),
        (
            "Machine",
            f"{machine['cpu'] or 'unknown'}, {machine['cpus']} processors, "
            f"{machine['memory_gb']} GB; load before: {machine.get('load_before', 'unknown')}",
        ),
        (
            "Generator",
            f"{own['processes']} processes on {own['machines']} machine(s), "
            f"{own['cpu_s']:g} s of processor",
        ),
        (
            "Proven",
            f"{told['proven']['seats']:,} seats, {told['proven']['joins_per_s']:g} joins a second",
        ),
    ]
    if full:
        rows.append(
            (
                "Full listeners",
                f"{full['heard']} of {full['count']} heard it whole; {full['behind_s']:g} s behind",
            )
        )
    made = "".join(f"<tr><th>{escape(n)}</th><td>{escape(str(v))}</td></tr>" for n, v in rows)
    return f"<section><h2>About this rehearsal</h2><table>{made}</table></section>"


def _seconds(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _length(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
