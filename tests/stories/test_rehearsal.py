"""An evening is rehearsed against a whole site, with a real voice on the air."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.house.tree import ROOT
from tests.kit.show import on_air
from tests.kit.site import Site, running_site
from tests.kit.sound import tone

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

SCHEMA = json.loads((ROOT / "docs/reference/rehearsal-report.schema.json").read_text())


async def test_a_small_evening_is_rehearsed(tmp_path: Path) -> None:
    """Sixty come for forty seats; two full ones decode; the seats are never exceeded, the line
    is in order, and what is served is heard."""
    with running_site(tmp_path / "site") as site:
        sound = tone(330, 90, 0.2)
        async with on_air(site, "A rehearsal", sound, tmp_path, "--seats", "40") as (event, _):
            status, told = await _rehearse(site, event["page"], tmp_path)
    jsonschema.validate(told, SCHEMA)
    findings = {f["name"]: f for f in told["findings"]}
    # Whether the machine was fast enough today is not what this story is about.
    for name in ("seats", "order of the line", "errors", "nothing lost", "served means heard"):
        assert findings[name]["kept"], findings[name]["says"]
    assert told["arrived"] == 60
    assert told["playing_peak"] <= 40
    assert told["waited"] >= 18
    assert told["full"]["count"] >= 1
    assert told["full"]["heard"] == told["full"]["count"]
    assert told["attacks"][0]["answers"].get("403", 0) > 10
    assert (status == 0) == (told["verdict"] == "kept")
    assert "<svg" in (tmp_path / "out.html").read_text()


async def _rehearse(site: Site, page: str, folder: Path) -> tuple[int, dict[str, Any]]:
    rehearsal = await asyncio.create_subprocess_exec(
        *site.command("rehearse", page)[:-2],
        *("--listeners", "60", "--arrive", "5s", "--for", "30s", "--full", "0.05"),
        *("--attack", "bad-tickets=20", "--json", str(folder / "out.json")),
        *("--report", str(folder / "out.html")),
        env=site.env,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        _, said = await rehearsal.communicate()
    assert (folder / "out.json").exists(), said.decode()
    assert rehearsal.returncode is not None
    return rehearsal.returncode, json.loads((folder / "out.json").read_text())
