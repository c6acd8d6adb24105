"""The configuration of an edge, against golden files (tests/pure/edge; make them anew with
UPDATE_GOLDEN=1), and a mirror's files."""

import os
from pathlib import Path

import m3u8
import pytest

from samvad.base.errors import PlainError
from samvad.base.params import replace
from samvad.base.settings import PublicSettings, Settings
from samvad.gate.edge_nginx import Edge, render
from samvad.gate.mirror import Mirror, base, key, steering
from samvad.protocol.media import RENDITIONS
from samvad.protocol.playlist import Form, render_master
from tests.kit.gates import EVENT, Programme

GOLDEN = Path(__file__).parent / "edge"
SECRET = b"s" * 32


def public(**urls: str) -> Settings:
    given = {
        "web_url": "https://samvad.example",
        "gate_url": "https://live.samvad.example",
        "stage_url": "https://studio.samvad.example",
    } | urls
    return replace(Settings(), public=replace(PublicSettings(), **given))


CONFIGURATIONS = {
    "three-names": (public(), Edge()),
    "behind-a-balancer": (
        public(stage_url="https://live.samvad.example"),
        Edge(proxy_protocol=True, trusted=("10.0.0.0/8", "2001:db8::/32")),
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_configuration_is_the_golden_one(name: str) -> None:
    golden = GOLDEN / f"{name}.conf"
    text = render(*CONFIGURATIONS[name])
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_what_an_edge_has_to_have() -> None:
    text = render(public(), Edge())
    for wanted in ("TLSv1.3", "http2", "auth_request /_ticket", "X-Forwarded-For $remote_addr;"):
        assert wanted in text
    assert "ssl_protocols TLSv1.2" not in text
    assert "proxy_add_x_forwarded_for" not in text  # what a client has written changes nothing


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        public(gate_url="http://live.samvad.example"),
        public(gate_url="https://samvad.example"),
    ],
)
def test_settings_without_names_are_told_so(settings: Settings) -> None:
    with pytest.raises(PlainError):
        render(settings, Edge())


def test_a_mirror_has_whole_segments_before_the_playlists_that_name_them() -> None:
    programme = Programme(SECRET)
    place = f"{EVENT}/{key(SECRET, EVENT)}"
    mirror = Mirror(EVENT, programme.key, place, 30.0)
    there: dict[str, bytes] = {}
    for message in [*programme.inits(), *programme.segments(40)]:
        for file in mirror.take(message):
            if file.body is None:
                del there[file.path]
                continue
            there[file.path] = file.body
            if file.path.endswith("index.m3u8"):
                _check(there, file.path)
    assert sum(path.endswith(".m4s") for path in there) <= 2 * 21
    for file in mirror.end():
        assert file.body is not None
        assert b"#EXT-X-ENDLIST" in file.body or file.path.endswith("master.m3u8")


def _check(there: dict[str, bytes], path: str) -> None:
    """Everything a playlist names is there."""
    playlist = m3u8.loads(there[path].decode())
    assert playlist.segments
    assert b"EXT-X-PART" not in there[path]
    folder = Path(path).parent
    for segment in playlist.segments:
        assert os.path.normpath(folder / segment.uri) in there
        assert os.path.normpath(folder / segment.init_section.uri) in there


def test_the_beginning_of_a_segment_that_was_not_heard_is_left_out() -> None:
    programme = Programme(SECRET)
    mirror = Mirror(EVENT, programme.key, "x", 30.0)
    inits, parts = programme.inits(), programme.segments(1)
    for init in inits:
        mirror.take(init)
    assert not [file for part in parts[2:] for file in mirror.take(part)]


def test_players_are_told_of_both_ways_and_where_to_go_first() -> None:
    where = base("https://cdn.example/live/", SECRET, EVENT)
    text = render_master(RENDITIONS.values(), Form.PLAIN, mirror=where)
    assert text.count('PATHWAY-ID="gate"') == len(RENDITIONS) + 1
    assert text.count(f"{where}/live/") == len(RENDITIONS)
    assert '"PATHWAY-PRIORITY": ["gate", "mirror"]' in steering(False).body[0].decode()
    assert '"PATHWAY-PRIORITY": ["mirror", "gate"]' in steering(True).body[0].decode()
    assert "STEERING" not in render_master(RENDITIONS.values())
