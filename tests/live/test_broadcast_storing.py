"""Copies in an S3-compatible server (moto's, as a process): resumed, verified, brought back."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samvad.broadcast import s3, storing
from samvad.broadcast.s3 import Place, Store, StoreError
from samvad.broadcast.storing import copy_all, fetch, is_stored, read_stored
from tests.kit.ports import free_ports
from tests.kit.until import until_now

pytestmark = pytest.mark.slow

EVENT = "abcdef1234"
HOUSE = Path(__file__).parents[2]
SERVER = HOUSE / "build" / "s3" / "bin" / "python"
"""In an environment of its own: what it needs does not go with what Samvad needs."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Place]:
    subprocess.run(["make", "-s", "-C", HOUSE, "build/s3.stamp"], check=True)
    (port,) = free_ports(1)
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    process = subprocess.Popen(
        [SERVER, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=log, stderr=log,
    )  # fmt: skip
    place = Place(f"http://127.0.0.1:{port}", "talks", "us-east-1", "key", "secret")

    def answers() -> bool:
        try:
            Store(place).make_bucket()
        except StoreError:
            return False
        return True

    until_now(answers, 60)
    yield place
    process.terminate()
    process.wait()
    log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / EVENT
    (made / "public").mkdir(parents=True)
    (made / "aac.mp4").write_bytes(bytes(range(256)) * 80_000)  # three parts of an upload
    (made / "parts.jsonl").write_bytes(b"{}\n")
    (made / "public" / "replay.mp3").write_bytes(b"sound" * 1000)
    (made / "lock").touch()
    return made


def test_everything_has_a_verified_copy(server, folder):
    store = Store(server)
    stored = copy_all(folder, EVENT, store)
    assert set(stored) == {"aac.mp4", "parts.jsonl", "public/replay.mp3"}
    whole = (folder / "aac.mp4").read_bytes()
    assert stored["aac.mp4"].sha256 == hashlib.sha256(whole).hexdigest()
    assert b"".join(store.read(f"{EVENT}/replay.mp3")) == b"sound" * 1000
    # Changed afterwards: what was verified is another file.
    assert is_stored(folder, "aac.mp4", stored)
    (folder / "aac.mp4").write_bytes(whole + b"x")
    assert not is_stored(folder, "aac.mp4", stored)


def test_an_upload_that_failed_goes_on_where_it_was(server, folder, monkeypatch):
    sent: list[int] = []
    whole = Store.put_part

    def put(self, name, upload, number, data):
        if name.endswith("aac.mp4"):
            if number == 2 and 2 not in sent:
                sent.append(2)
                raise StoreError("the line is cut")
            sent.append(number)
        return whole(self, name, upload, number, data)

    monkeypatch.setattr(Store, "put_part", put)
    with pytest.raises(StoreError, match="cut"):
        copy_all(folder, EVENT, Store(server))
    assert "aac.mp4" not in read_stored(folder)
    copy_all(folder, EVENT, Store(server))
    assert sent == [1, 2, 2, 3]  # the first part was not sent again
    assert "aac.mp4" in read_stored(folder)


def test_a_copy_that_differs_is_none(server, folder, monkeypatch):
    monkeypatch.setattr(Store, "sha256", lambda self, name: "0" * 64)
    with pytest.raises(StoreError, match="not what was sent"):
        copy_all(folder, EVENT, Store(server))
    assert read_stored(folder) == {}


def test_it_is_brought_back_whole_or_not_at_all(server, folder):
    store = Store(server)
    copy_all(folder, EVENT, store)
    before = (folder / "aac.mp4").read_bytes()
    (folder / "aac.mp4").unlink()
    fetch(folder, EVENT, "aac.mp4", store)
    assert (folder / "aac.mp4").read_bytes() == before
    said = json.loads((folder / "stored.json").read_text())
    said["aac.mp4"]["sha256"] = "0" * 64
    (folder / "stored.json").write_text(json.dumps(said))
    (folder / "aac.mp4").unlink()
    with pytest.raises(StoreError, match="damaged"):
        fetch(folder, EVENT, "aac.mp4", store)
    assert not (folder / "aac.mp4").exists()


def test_what_only_the_store_has_is_brought_back(server, folder):
    store = Store(server)
    copy_all(folder, EVENT, store)
    before = (folder / "aac.mp4").read_bytes()
    for name in ("aac.mp4", "public/replay.mp3"):
        (folder / name).unlink()
    # What can be made of it anew is not waited for.
    assert storing.bring_back(folder, EVENT, store) == ["aac.mp4"]
    assert (folder / "aac.mp4").read_bytes() == before
    assert storing.bring_back(folder, EVENT, store) == []


def test_a_store_that_is_not_there_is_said_so(folder, server):
    nowhere = Store(replace(server, url="http://127.0.0.1:9"))
    with pytest.raises(StoreError, match="not reached"):
        copy_all(folder, EVENT, nowhere)
    with pytest.raises(StoreError):
        copy_all(folder, EVENT, Store(replace(server, bucket="absent")))


def test_the_signature_is_amazons():
    """The example of "Signature Calculations for the Authorization Header", GET Object, without
    its range header: the parts that do not depend on it are as there."""
    import datetime as dt

    place = Place(
        "https://examplebucket.s3.amazonaws.com", "", "us-east-1", "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )  # fmt: skip
    empty = hashlib.sha256(b"").hexdigest()
    at = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
    # "GET Bucket (List Objects)" of the same document: no header but the three we sign.
    told = s3.signed(place, "GET", "/", {"max-keys": "2", "prefix": "J"}, empty, at)
    assert told["authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_storing_is_a_command(server, folder, tmp_path):
    data = tmp_path / "data"
    (data / "recordings").mkdir(parents=True)
    folder.rename(data / "recordings" / EVENT)
    (data / "samvad.toml").write_text(
        f'[record]\ns3_url = "{server.url}"\ns3_bucket = "{server.bucket}"\n'
        's3_key = "key"\ns3_secret = "secret"\n'
    )
    command = [sys.executable, "-m", storing.__name__, str(data), EVENT]
    assert subprocess.run(command, check=False).returncode == 0
    assert "aac.mp4" in read_stored(data / "recordings" / EVENT)
