"""Home timelines of a large site, on SQLite and on PostgreSQL; and how soon media are to be seen.

    python -m bench.timeline                            100,000 accounts, 1,000,000 posts
    python -m bench.timeline --accounts 10000 --posts 100000 --only sqlite

For each database a site of its own (`samvad up`), filled by timeline_fill.py; then readers, each
with a session, ask for /home over kept connections, as fast as they are answered (closed load).
PostgreSQL is Debian's, started here on a port of its own and ended again; where it is not installed
that is said, and left out. Last, a photo of 12 megapixels and a film of 60 s are posted, and it is
measured when their files are there. Writes build/bench/timeline.json.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.kit.postgresql import postgresql, programs
from tests.kit.site import Site, running_site

OUT = Path("build/bench/timeline.json")
CLIENTS = 4
READERS = 400


@dataclass
class Found:
    """Of one database: requests a second and milliseconds of a home timeline, whole page."""

    database: str
    accounts: int
    posts: int
    follows: int
    fill_s: float
    requests: int
    errors: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    page_kb: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.timeline", description="Home timelines.")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--follows", type=int, default=150, help="whom each reader follows")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "media"))
    asked = parser.parse_args()
    found: list[Found] = []
    media: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if asked.only in (None, "sqlite"):
            found.append(_measure(asked, "sqlite", Path(folder) / "sqlite", ""))
        if asked.only in (None, "postgresql"):
            if programs() is None:
                print("PostgreSQL is not installed (Debian: postgresql): left out.")
            else:
                with postgresql(Path(folder), "shared_buffers=512MB", "max_connections=60") as url:
                    found.append(_measure(asked, "postgresql", Path(folder) / "postgresql", url))
        if asked.only in (None, "media"):
            media = _media(Path(folder))
    heads = ("requests/s", "p50 ms", "p99 ms", "CPU ms", "page kB", "filled s", "errors")
    print(f"{'':12}" + "".join(f"{head:>12}" for head in heads))
    for one in found:
        figures = (one.per_s, one.p50_ms, one.p99_ms, one.cpu_ms, one.page_kb, one.fill_s)
        print(f"{one.database:12}" + "".join(f"{n:12.1f}" for n in (*figures, one.errors)))
    for what, seconds in media.items():
        print(f"{what}: to be seen after {seconds:.2f} s")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    told = {"timelines": [asdict(one) for one in found], "visible_after_s": media}
    OUT.write_text(json.dumps(told, indent=1) + "\n")
    return 0


def _measure(asked: argparse.Namespace, database: str, data: Path, url: str) -> Found:
    settings = {"WEB_DATABASE_URL": url} if url else {}
    wanted = [str(n) for n in (asked.accounts, asked.posts, asked.follows, READERS)]
    filled = json.loads(_fill(data, url, *wanted))
    with running_site(data, settings=settings) as site:
        name = _cookie(site)
        cookies = [f"{name}={key}" for key in filled["sessions"]]
        _ask(site.ports["WEB_PORT"], cookies[:20], 2.0)  # what is cached becomes warm
        before = _cpu_s(site)
        times, errors, sizes = _ask(site.ports["WEB_PORT"], cookies, asked.seconds)
        cpu_ms = 1000 * (_cpu_s(site) - before) / max(1, len(times))
    times.sort()
    return Found(
        database=database,
        accounts=asked.accounts,
        posts=asked.posts,
        follows=asked.follows,
        fill_s=filled["seconds"],
        requests=len(times),
        errors=errors,
        per_s=round(len(times) / asked.seconds, 1),
        p50_ms=round(1000 * times[len(times) // 2], 1),
        p99_ms=round(1000 * times[int(len(times) * 0.99)], 1),
        cpu_ms=round(cpu_ms, 1),
        page_kb=round(sum(sizes) / max(1, len(sizes)) / 1000, 1),
    )


def _cpu_s(site: Site) -> float:
    """Processor seconds of the web process: what a busy machine cannot falsify."""
    ticks = 0
    for pid in site.pids("web"):
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _fill(data: Path, url: str, *words: str) -> str:
    """Fill the site before it starts; the last line of what was said."""
    env = os.environ | {"SAMVAD_DATA": str(data), "SAMVAD_WEB_DATABASE_URL": url}
    command = [sys.executable, "-m", "bench.timeline_fill", *words]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"the site cannot be filled: {run.stderr[-2000:]}")
    return run.stdout.strip().splitlines()[-1]


def _cookie(site: Site) -> str:
    code = (
        "from samvad.base.settings import data_folder, load; from samvad.web.setup import setup;"
        "data = data_folder(); setup(data, load(data));"
        "from django.conf import settings; print(settings.SESSION_COOKIE_NAME)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env=site.env, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def _ask(port: int, cookies: list[str], seconds: float) -> tuple[list[float], int, list[int]]:
    """(seconds of each answer, errors, sizes) of CLIENTS that ask for `seconds`."""
    until = time.monotonic() + seconds
    times: list[float] = []
    sizes: list[int] = []
    errors: list[str] = []

    def client(seed: int) -> None:
        chance = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                connection.request("GET", "/home", headers={"Cookie": chance.choice(cookies)})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or b"<article" not in body:
                    raise OSError(f"status {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                errors.append(str(error))
                connection.close()
                continue
            times.append(time.monotonic() - began)
            sizes.append(len(body))
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, len(errors), sizes


# Photos and films


def _media(folder: Path) -> dict[str, float]:
    """From the first byte sent until the file is there for everybody, in seconds."""
    photo, clip = folder / "photo.jpg", folder / "film.mp4"
    _make(photo, clip)
    with running_site(folder / "media") as site:
        told = site.samvad_json("user", "create", "poster")
        auth = {"Authorization": f"Bearer {told['token']}"}
        return {
            "photo of 12 megapixels": _photo(site, auth, photo),
            "film of 60 s": _film(site, auth, clip),
        }


def _make(photo: Path, clip: Path) -> None:
    from PIL import Image

    Image.effect_noise((4000, 3000), 40).convert("RGB").resize((4000, 3000)).save(
        photo, "JPEG", quality=60
    )
    program = shutil.which("ffmpeg")
    if program is None:
        raise RuntimeError("ffmpeg is not installed")
    subprocess.run(
        [program, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30",
         "-f", "lavfi", "-i", "sine=frequency=440", "-t", "60", "-c:v", "libx264", "-preset",
         "ultrafast", "-c:a", "aac", str(clip)],
        check=True,
    )  # fmt: skip


def _call(site: Site, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", site.ports["WEB_PORT"], timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
    return answer.headers.get("Location", "").encode() or data


def _photo(site: Site, auth: dict[str, str], path: Path) -> float:
    began = time.monotonic()
    edge = b"--edge"
    body = b"\r\n".join(
        [edge, b'Content-Disposition: form-data; name="file"; filename="p.jpg"',
         b"Content-Type: image/jpeg", b"", path.read_bytes(), edge + b"--", b""]
    )  # fmt: skip
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    name = json.loads(_call(site, "POST", "/api/v1/media/photos", auth | kind, body))["name"]
    _see(site, auth, name, "w960")
    return round(time.monotonic() - began, 2)


def _film(site: Site, auth: dict[str, str], path: Path) -> float:
    began = time.monotonic()
    data = path.read_bytes()
    tus = auth | {"Tus-Resumable": "1.0.0"}
    at = _call(site, "POST", "/uploads/", tus | {"Upload-Length": str(len(data))}).decode()
    at = "/" + at.split("/", 3)[3]
    for offset in range(0, len(data), 4 << 20):
        piece = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        _call(site, "PATCH", at, tus | piece, data[offset : offset + (4 << 20)])
    _see(site, auth, at.rsplit("/", 1)[1], "mp4")
    return round(time.monotonic() - began, 2)


def _see(site: Site, auth: dict[str, str], name: str, what: str) -> None:
    """Post it, and wait until anybody can have its file."""
    body = json.dumps({"media": [name]}).encode()
    made = json.loads(
        _call(site, "POST", "/api/v1/posts", auth | {"Content-Type": "application/json"}, body)
    )
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        post = json.loads(_call(site, "GET", f"/api/v1/posts/{made['id']}", auth))
        address = post["media"][0]["files"].get(what)
        if address:
            _call(site, "GET", "/" + address.split("/", 3)[3], {"Range": "bytes=0-999"})
            return
        time.sleep(0.5)
    raise RuntimeError(f"{what} is not there after 15 minutes")


if __name__ == "__main__":
    sys.exit(main())
