"""A replay's life on the writing side: what a host decides, what is made of it, what is told."""

import asyncio
import datetime as dt
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import feedparser
import pytest
from django.conf import settings
from django.urls import reverse

from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.storing import files
from samvad.events import postproduction, publishing, retention
from samvad.events.errors import EventError
from samvad.events.models import Event
from samvad.events.postproduction import Work
from samvad.events.replays import Clip, Replay
from samvad.posts.models import Post
from samvad.protocol import journal
from samvad.protocol.journal import JournalWriter
from samvad.web import posting, worker
from tests.kit.clock import FakeClock
from tests.kit.programme import WALL_MS, on_air
from tests.kit.sound import tone

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = bytes(32)
FRONTEND = Path(__file__).parents[2] / "frontend"
NS = {"podcast": "https://podcastindex.org/namespace/1.0"}


async def record(event_id: str, folders, seconds: float) -> None:
    show = await Broadcast.open(event_id, folders, SECRET, lambda _: None)
    await on_air(show, tone(440, seconds, 0.2))
    assert await show.finish(WALL_MS + int(seconds * 1000))


@pytest.fixture
def recorded(event, folders) -> Event:
    """An event that was recorded for 12.8 s, with a mark at 5 s, and is over."""
    asyncio.run(record(event.pk, folders, 12.8))
    stage = JournalWriter(folders.journal, "stage")
    stage.append(event.pk, journal.WENT_LIVE, WALL_MS)
    stage.append(event.pk, journal.MARK, WALL_MS + 5000, title="Questions", by="Asha")
    stage.append(event.pk, journal.ENDED, WALL_MS + 12_800)
    size = folders.replay(event.pk).stat().st_size
    stage.append(
        event.pk, journal.RECORDING_READY, WALL_MS + 13_000, bytes=size, duration_ms=12_800
    )
    stage.close()
    assert not worker.round_trip(FakeClock(wall_ms=WALL_MS + 14_000))
    postproduction.WORK.close()
    event.refresh_from_db()
    return event


def work_until_done(event: Event, kinds=("quick",), within_s: float = 120) -> None:
    """Steps of the worker until nothing of these kinds is due."""
    work, deadline = Work(), time.monotonic() + within_s
    while time.monotonic() < deadline:
        postproduction.step(work)
        replay = Replay.objects.get(pk=event.pk)
        assert not replay.failed
        done = replay.quick == replay.revision
        if "rest" in kinds:
            done = done and replay.made == replay.revision
        if "clip" in kinds:
            done = done and not event.clips.filter(made=False).exists()
        if done:
            work.close()
            return
        time.sleep(0.05)
    raise AssertionError("the worker did not get through")


def rules(event: Event) -> dict:
    return json.loads((publishing.folder(event.pk) / "public" / ".gate.json").read_text())


def test_the_end_makes_a_replay_with_the_hosts_mark(recorded):
    work_until_done(recorded)
    about = publishing.about(recorded.pk)
    assert about["duration_ms"] == 12_800
    assert [c["title"] for c in about["chapters"]][1:] == ["Questions"]
    assert about["chapters"][1]["at_ms"] == 5000
    told = rules(recorded)
    assert isinstance(told.pop("gain_db"), float)
    whole = {"held": False, "kept": None, "audio": None, "levelled": None, "elsewhere": {}}
    assert told == whole
    assert Replay.objects.get(pk=recorded.pk).published_at


def test_only_the_host_gets_to_it(recorded, as_owner, as_other, client):
    page = reverse("event_replay", args=[recorded.pk])
    assert as_owner.get(page).status_code == 200
    assert as_other.get(page).status_code == 404
    assert client.get(page).status_code == 302
    do = reverse("event_replay_do", args=[recorded.pk])
    assert as_other.post(do, {"do": "hold"}).status_code == 404
    assert as_other.get(reverse("event_replay_delete", args=[recorded.pk])).status_code == 404


def test_holding_back_reaches_the_gates_at_once(recorded, as_owner):
    do = reverse("event_replay_do", args=[recorded.pk])
    assert as_owner.post(do, {"do": "hold"}).status_code == 302
    assert rules(recorded)["held"] is True
    assert not publishing.is_open(recorded)
    work_until_done(recorded)
    assert rules(recorded)["held"] is True
    as_owner.post(do, {"do": "publish"})
    assert rules(recorded)["held"] is False


def test_a_cut_is_made_and_taken_back(recorded, as_owner):
    do = reverse("event_replay_do", args=[recorded.pk])
    as_owner.post(do, {"do": "cut", "from": "0:02", "to": "0:04"})
    as_owner.post(do, {"do": "cut", "from": "0:12", "to": ""})
    work_until_done(recorded)
    kept = rules(recorded)["kept"]
    assert kept == [[0, 3], [7, 18]]
    audio = publishing.folder(recorded.pk) / "public" / rules(recorded)["audio"]
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", audio],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(said.stdout) == pytest.approx(14 * 0.64, abs=0.03)
    about = publishing.about(recorded.pk)
    assert about["duration_ms"] == 14 * 640
    assert about["chapters"][1]["at_ms"] == 5000 - 4 * 640
    as_owner.post(do, {"do": "uncut", "from_ms": "2000"})
    work_until_done(recorded)
    assert rules(recorded)["kept"] == [[0, 18]]


def test_only_the_host_hears_what_is_cut_out(recorded, as_owner, as_other):
    work_until_done(recorded)
    page = as_owner.get(reverse("event_replay", args=[recorded.pk])).content.decode()
    about = json.loads(re.search(r'id="cutter-about"[^>]*>(.*?)</script>', page)[1])
    assert max(about["peaks"]) > 10
    assert about["length_ms"] == 12_800
    as_owner.post(
        reverse("event_replay_do", args=[recorded.pk]), {"do": "cut", "from": "0:02", "to": "0:04"}
    )
    work_until_done(recorded)
    address = reverse("event_recorded", args=[recorded.pk])
    whole = as_owner.get(address, headers={"range": "bytes=0-99"})
    assert whole.status_code == 206
    assert whole["Content-Type"] == "audio/mp4"
    assert b"".join(whole.streaming_content)[4:8] == b"ftyp"
    assert as_other.get(address).status_code == 404


def test_a_cut_of_everything_is_refused_in_words(recorded, as_owner):
    do = reverse("event_replay_do", args=[recorded.pk])
    page = as_owner.post(do, {"do": "cut", "from": "", "to": ""})
    assert page.status_code == 422
    assert "Nothing would be left" in page.content.decode()
    assert as_owner.post(do, {"do": "cut", "from": "soon"}).status_code == 422


def test_chapters_are_the_hosts(recorded, as_owner):
    do = reverse("event_replay_do", args=[recorded.pk])
    as_owner.post(do, {"do": "chapters", "chapters": "0:08 End & farewell\n\n0:00 Hello"})
    work_until_done(recorded)
    told = as_owner.get(reverse("replay_chapters", args=[recorded.pk])).json()
    assert told["chapters"] == [
        {"startTime": 0.0, "title": "Hello"}, {"startTime": 8.0, "title": "End & farewell"},
    ]  # fmt: skip
    page = as_owner.post(do, {"do": "chapters", "chapters": "0:01 ok\nlater"})
    assert page.status_code == 422
    assert "Line 2" in page.content.decode()


def test_times_are_read_and_written():
    assert publishing.read_clock("1:02:03") == 3_723_000
    assert publishing.read_clock("62:03.5") == 3_723_500
    assert publishing.read_clock("1:62:03") is None
    assert publishing.read_clock("12") is None
    assert publishing.clock(3_723_000) == "1:02:03"
    assert publishing.clock(63_500) == "1:03.5"


def test_deleting_leaves_nothing_to_play(recorded, as_owner):
    work_until_done(recorded)
    as_owner.post(reverse("event_replay_delete", args=[recorded.pk]))
    folder = publishing.folder(recorded.pk)
    assert sorted(p.name for p in folder.iterdir()) == ["ended.json", "public"]
    assert [p.name for p in (folder / "public").iterdir()] == [".gate.json"]
    assert rules(recorded)["held"] is True
    with pytest.raises(EventError):
        publishing.hold(recorded, False)
    postproduction.step(Work())  # makes nothing of it again
    assert as_owner.get(reverse("event_replay", args=[recorded.pk])).status_code == 200


def said(event: Event, *texts: str) -> None:
    lines = []
    for i, text in enumerate(texts):
        about = {"text": text, "from_48k": 48_000 * i, "to_48k": 48_000 * i + 30_000, "sure": 0.9}
        lines.append(json.dumps(about))
    (publishing.folder(event.pk) / "captions.jsonl").write_text("\n".join(lines) + "\n")


def test_the_transcript_is_searched_quoted_and_corrected(recorded, as_owner, as_other, client):
    said(recorded, "rivers", "and", "cites", "belong", "to", "nobody")
    work_until_done(recorded)
    page = reverse("transcript", args=[recorded.pk])
    text = client.get(page, {"q": "cites"}).content.decode()
    assert "cites" in text
    assert f"/e/{recorded.slug}?t=0" in text
    assert "0 lines" in client.get(page, {"q": "mountain"}).content.decode()
    assert as_other.post(page, {"line": "0", "text": "x"}).status_code == 404
    as_owner.post(page, {"line": "0", "text": "Rivers and cities belong to nobody."})
    work_until_done(recorded)
    told = publishing.transcript(recorded.pk)["lines"][0]
    assert told["text"] == "Rivers and cities belong to nobody."
    assert told["heard"] == "rivers and cites belong to nobody"
    public = publishing.folder(recorded.pk) / "public"
    assert "Rivers and cities" in (public / "transcript.vtt").read_text()
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0",
         public / "transcript.srt"], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert probe.stdout.strip() == "subrip"
    publishing.hold(recorded, True)
    assert client.get(page).status_code == 404
    assert as_owner.get(page).status_code == 200


def test_what_is_cut_out_is_in_no_transcript(recorded, client):
    said(recorded, "one", "two", "secret", "four", "five")
    publishing.cut(recorded, 1900, 2800)
    work_until_done(recorded)
    public = publishing.folder(recorded.pk) / "public"
    for name in ("transcript.json", "transcript.txt", "transcript.vtt", "transcript.srt"):
        assert "secret" not in (public / name).read_text(), name
        assert "five" in (public / name).read_text(), name


@pytest.mark.slow
def test_a_clip_has_a_page_a_video_and_an_oembed(recorded, as_owner, as_other, client):
    said(recorded, "rivers", "and", "cities", "belong", "to", "nobody", "here")
    work_until_done(recorded)
    new = reverse("clip_new", args=[recorded.pk])
    assert as_other.post(new, {"from": "0:01", "to": "0:01"}).status_code == 422
    sent = as_other.post(new, {"from": "0:01", "to": "0:05", "title": "નદીઓ & cities"})
    clip = Clip.objects.get()
    assert sent.url == reverse("clip", args=[clip.pk])
    assert client.get(sent.url).status_code == 404
    assert as_other.get(sent.url).status_code == 200
    work_until_done(recorded, ("clip",))
    video = publishing.folder(recorded.pk) / "public" / f"clip-{clip.pk}.mp4"
    said_ = json.loads(
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", video],
            capture_output=True, text=True, check=True,
        ).stdout
    )  # fmt: skip
    assert {s["codec_name"] for s in said_["streams"]} == {"h264", "aac"}
    assert float(said_["format"]["duration"]) == pytest.approx(4, abs=0.15)
    page = client.get(sent.url).content.decode()
    assert f'property="og:video" content="{publishing.link(recorded.pk, video.name)}"' in page
    told = client.get(
        reverse("clip_oembed"), {"url": settings.SAMVAD.web_url() + sent.url, "maxwidth": "320"}
    ).json()
    assert (told["version"], told["type"], told["width"]) == ("1.0", "video", 320)
    assert told["height"] == 180
    assert client.get(reverse("clip_embed", args=[clip.pk])).status_code == 200
    assert client.get(reverse("clip_oembed"), {"url": "http://x/other"}).status_code == 404
    publishing.cut(recorded, 2000, 2500)
    assert client.get(sent.url).status_code == 404  # some of it is cut out now
    assert as_owner.post(reverse("clip_delete", args=[clip.pk])).status_code == 302
    assert not video.exists()


def podcast_index_reads(feed: bytes) -> dict:
    """What the Podcast Index's own reader (podcast-partytime) takes of a feed: it leaves out items
    and tags that are not as the standard wants them."""
    script = """
      const text = require("node:fs").readFileSync(0, "utf8");
      const read = require("podcast-partytime").parseFeed(text);
      require("node:fs").writeFileSync(process.argv[1], JSON.stringify(read));
    """
    with tempfile.NamedTemporaryFile() as out:  # it logs to its standard output
        subprocess.run(
            ["node", "-e", script, out.name], input=feed, cwd=FRONTEND, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        found: dict | None = json.loads(out.read())
    assert found, "it is no feed for the Podcast Index"
    return found


def test_the_podcast_index_reads_all_of_the_feed(recorded, client):
    said(recorded, "rivers", "and", "cities", "belong", "to", "nobody")
    address = reverse("feed", args=["asha"])
    recorded.state = "live"
    recorded.save(update_fields=["state"])
    live = podcast_index_reads(client.get(address).content)
    (item,) = live["podcastLiveItems"]
    assert item["status"] == "live"
    assert item["contentLinks"][0]["url"].endswith(f"/e/{recorded.slug}")
    assert not live["items"]
    recorded.state = "ended"
    recorded.save(update_fields=["state"])
    work_until_done(recorded)
    over = podcast_index_reads(client.get(address).content)
    assert over["medium"] == "podcast"
    (episode,) = over["items"]
    assert episode["guid"] == item["guid"]
    assert episode["enclosure"]["type"] == "audio/mp4"
    assert episode["duration"] == 12
    assert episode["podcastChapters"]["type"] == "application/json+chapters"
    kinds = {one["type"] for one in episode["podcastTranscripts"]}
    assert kinds == {"text/vtt", "application/srt", "application/json"}
    understood = {tag for tags in over["pc20support"].values() for tag in tags}
    assert understood == {"transcript", "chapters", "guid", "medium", "person"}


def test_the_feed_tells_the_same_entry_from_announcement_to_replay(event, recorded, client):
    recorded.state = "announced"
    recorded.save(update_fields=["state"])
    address = reverse("feed", args=["asha"])
    before = ElementTree.fromstring(client.get(address).content)
    live = before.find("channel/podcast:liveItem", NS)
    assert live.get("status") == "pending"
    guid = live.findtext("guid")
    recorded.state = "live"
    recorded.save(update_fields=["state"])
    during = ElementTree.fromstring(client.get(address).content)
    assert during.find("channel/podcast:liveItem", NS).get("status") == "live"
    recorded.state = "ended"
    recorded.save(update_fields=["state"])
    work_until_done(recorded)
    answer = client.get(address)
    found = feedparser.parse(answer.content)
    assert not found.bozo
    assert [e.id for e in found.entries] == [guid]
    entry = found.entries[0]
    assert entry.enclosures[0].type == "audio/mp4"
    assert entry.enclosures[0].href == publishing.link(recorded.pk, "replay.m4a")
    assert int(entry.enclosures[0].length) == recorded.replay_bytes
    assert entry.itunes_duration == "12"
    publishing.hold(recorded, True)
    assert feedparser.parse(client.get(address).content).entries == []


@pytest.fixture
def stored_long_ago(recorded, settings):
    """All has a copy by the books, and is older than what is kept."""
    work_until_done(recorded)
    record = replace(
        settings.SAMVAD.record, keep_days=30, s3_url="http://s3.example", s3_public_url=""
    )
    settings.SAMVAD = replace(settings.SAMVAD, record=record)
    folder = publishing.folder(recorded.pk)
    (folder / "public" / "replay.mp3").write_bytes(b"x")
    told = {}
    for name in files(folder):
        at = (folder / name).stat()
        told[name] = {"sha256": "0" * 64, "size": at.st_size, "mtime_ns": at.st_mtime_ns}
    (folder / "stored.json").write_text(json.dumps(told))
    retention.note_stored(recorded.pk)
    return recorded


def later(event: Event) -> dt.datetime:
    return event.ended_at + dt.timedelta(days=31)


def test_only_what_is_stored_and_old_goes(stored_long_ago):
    event, folder = stored_long_ago, publishing.folder(stored_long_ago.pk)
    assert retention.prune(lambda _: False, event.ended_at + dt.timedelta(days=29)) == []
    with open(folder / "opus.mp4", "ab") as changed:
        changed.write(b"more")
    gone = retention.prune(lambda _: False, later(event))
    assert f"{event.pk}/aac.mp4" in gone
    assert (folder / "opus.mp4").exists()  # it is not what was copied
    assert (folder / "replay.m4a").exists()
    assert (folder / "public" / "replay.mp3").exists()  # nobody could have it from there
    assert rules(event)["kept"] == []


def test_what_was_brought_back_stays_for_as_long_again(stored_long_ago, as_owner):
    event, folder = stored_long_ago, publishing.folder(stored_long_ago.pk)
    kept = (folder / "aac.mp4").read_bytes(), (folder / "aac.mp4").stat()
    page = reverse("event_replay", args=[event.pk])
    assert "samvad event fetch" not in as_owner.get(page).content.decode()
    retention.prune(lambda _: False, later(event))
    assert f"samvad event fetch {event.pk}" in as_owner.get(page).content.decode()
    (folder / "aac.mp4").write_bytes(kept[0])
    os.utime(folder / "aac.mp4", ns=(kept[1].st_mtime_ns, kept[1].st_mtime_ns))
    before = Replay.objects.get(pk=event.pk).revision
    retention.keep_longer(event.pk)
    assert Replay.objects.get(pk=event.pk).revision == before + 1
    os.utime(folder / "fetched", (later(event).timestamp(), later(event).timestamp()))
    assert retention.prune(lambda _: False, later(event)) == []
    after = later(event) + dt.timedelta(days=31)
    assert f"{event.pk}/aac.mp4" in retention.prune(lambda _: False, after)


def test_what_a_post_or_a_clip_refers_to_stays(stored_long_ago, settings, owner):
    event, folder = stored_long_ago, publishing.folder(stored_long_ago.pk)
    record = replace(settings.SAMVAD.record, s3_public_url="http://s3.example/talks")
    settings.SAMVAD = replace(settings.SAMVAD, record=record)
    mp3 = folder / "public" / "replay.mp3"
    retention.prune(lambda pk: pk == event.pk, later(event))
    assert mp3.exists()
    clip = publishing.clip(event, owner, "A clip", 1000, 3000)
    retention.prune(lambda _: False, later(event))
    assert mp3.exists()
    clip.delete()
    retention.prune(lambda _: False, later(event))
    assert not mp3.exists()
    assert (folder / "replay.m4a").exists()


def test_the_recording_is_posted_once_in_the_hosts_timeline(recorded):
    assert posting.post_due() == 0  # nothing to hear yet
    work_until_done(recorded)
    assert posting.post_due() == 1
    assert posting.post_due() == 0
    post = Post.objects.get(author=recorded.host, event=recorded.pk)
    assert recorded.title in post.text
    assert posting.refers(recorded.pk)


def test_a_recording_that_is_held_is_not_posted(recorded):
    publishing.hold(recorded, True)
    work_until_done(recorded)
    assert posting.post_due() == 0
    publishing.hold(recorded, False)
    work_until_done(recorded)
    assert posting.post_due() == 1
