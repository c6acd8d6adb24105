"""Live captions: words to lines that stay, in wall times, no more than a page needs."""

import json

from samvad.gate.captions import TOLD_S, Cue, Lines, Word, as_json, cues
from samvad.protocol.media import RATE


def words(count: int, every_s: float = 0.5) -> list[Word]:
    return [
        Word(f"w{i}", round(i * every_s * RATE), round((i * every_s + 0.3) * RATE))
        for i in range(count)
    ]


def test_a_line_stays_as_it_is_when_more_is_said_and_the_old_is_forgotten():
    lines, seen = Lines(), set()
    for i, word in enumerate(words(400)):
        lines.push(word)
        lines.forget((i * 0.5 - 60) * RATE)
        now = lines.cues()
        seen |= {cue.text for cue in now[:-1]}
        assert now[0].to_48k >= (i * 0.5 - 60) * RATE
    assert seen == {cue.text for cue in cues(words(400))[:-1]}


def test_a_pause_ends_a_line():
    said = [Word("yes", 0, RATE // 2), Word("no", 2 * RATE, 3 * RATE)]
    assert cues(said) == [Cue(0, RATE, "yes"), Cue(2 * RATE, 3 * RATE, "no")]


def test_the_page_is_told_wall_times_of_the_newest():
    found = cues(words(1000))
    told = json.loads(as_json(found, 500 * RATE, lambda at: 7_000 + at * 1000 // RATE))
    assert told["reached_ms"] == 507_000
    assert told["cues"][-1][2].endswith("w999")
    assert told["cues"][-1][0] == 7_000 + found[-1].from_48k * 1000 // RATE
    assert told["cues"][0][1] > 507_000 - TOLD_S * 1000
    assert len(told["cues"]) < len(found) / 4


def test_what_has_no_wall_time_yet_is_not_told():
    told = json.loads(as_json(cues(words(20)), 10 * RATE, lambda at: None))
    assert told == {"reached_ms": None, "cues": []}
