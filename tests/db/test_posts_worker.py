"""What the worker does for posts: videos and previews, and that neither is ever stuck."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from django.utils import timezone

from samvad.accounts.models import User
from samvad.posts import fetch, media, previews, service, transcodes, videos
from samvad.posts.models import LinkPreview, Medium
from tests.db.conftest import logged_in
from tests.kit import hostile
from tests.kit.until import until_now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_running() -> Iterator[None]:
    yield
    transcodes.stop()


def uploaded(owner: User, data: bytes) -> Medium:
    medium = videos.begin(owner, len(data))
    videos.source(medium).write_bytes(data)
    Medium.objects.filter(pk=medium.pk).update(state=Medium.State.WAITING, received=len(data))
    medium.refresh_from_db()
    return medium


def settle(medium: Medium) -> None:
    """Rounds of the worker until the video is ready or failed."""

    def round_of_work() -> bool:
        transcodes.step()
        medium.refresh_from_db()
        return medium.state in (Medium.State.READY, Medium.State.FAILED)

    until_now(round_of_work, 180, "the video's end")


@pytest.mark.slow
def test_a_film_is_made_and_shown(owner, client, tmp_path):
    from tests.live.test_posts_transcode import film

    medium = uploaded(owner, film(tmp_path / "in.mp4", 1).read_bytes())
    post = service.create(owner, "a film", media=[medium])
    assert "being prepared" in client.get(post.path).content.decode()
    settle(medium)
    assert medium.state == Medium.State.READY, medium.failure
    assert not videos.source(medium).exists()
    page = client.get(post.path).content.decode()
    for what, kind in (("mp4", "video/mp4"), ("poster", "image/jpeg")):
        path = media.address(medium, what)
        assert path in page
        answer = client.get(path, headers={"Range": "bytes=0-99"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (206, kind)
        assert len(answer.getvalue()) == 100
    assert b"hls.m4s" in client.get(media.address(medium, "hls")).getvalue()


@pytest.mark.slow
def test_a_broken_film_fails_in_words(owner, client):
    medium = uploaded(owner, hostile.PLAYLIST)
    post = service.create(owner, "a film", media=[medium])
    settle(medium)
    assert (medium.state, medium.failure) == (Medium.State.FAILED, "unreadable")
    page = client.get(post.path).content.decode()
    assert "cannot be read as a video" in page
    assert "being prepared" not in page
    assert not videos.source(medium).exists()


@pytest.mark.slow
def test_a_child_that_is_killed_is_begun_again_and_not_for_ever(owner):
    medium = uploaded(owner, b"\0" * 100_000)
    transcodes.step()
    work = transcodes._work
    assert work is not None
    work.child.kill()
    settle(medium)
    assert medium.state == Medium.State.FAILED
    assert medium.tries <= transcodes.TRIES_MAX


def test_a_film_whose_worker_died_is_taken_up_again_and_then_given_up(owner):
    medium = uploaded(owner, b"x")
    rows = Medium.objects.filter(pk=medium.pk)
    rows.update(state=Medium.State.WORKING, tries=1, lease_until="2020-01-01T00:00:00Z")
    transcodes._take_back()
    assert rows.get().state == Medium.State.WAITING
    rows.update(state=Medium.State.WORKING, tries=2, lease_until="2020-01-01T00:00:00Z")
    transcodes._take_back()
    assert (rows.get().state, rows.get().failure) == (Medium.State.FAILED, "gave_up")
    told = logged_in(owner).get(f"/uploads/{medium.name}/state").json()
    assert "could not be prepared" in told["says"]


# Link previews


class Site(http.server.BaseHTTPRequestHandler):
    """A site of strangers."""

    asked: list[str] = []  # noqa: RUF012
    pages: dict[str, tuple[int, dict[str, str], bytes]] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, data = self.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked, Site.pages = [], {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def port_of(site: str) -> tuple[int, ...]:
    return (int(site.rsplit(":", 1)[1]),)


HTML = {"Content-Type": "text/html; charset=utf-8"}


def test_a_page_is_asked_once_for_all_who_link_it(owner, other, client, site):
    Site.pages = {
        "/a": (200, HTML, b'<title>no</title><meta property="og:title" content="A &amp; B <b>">'
                          b'<meta property="og:image" content="/p.jpg">'),
        "/p.jpg": (200, {"Content-Type": "image/jpeg"}, hostile.with_place()),
    }  # fmt: skip
    posts = [service.create(who, f"see {site}/a now") for who in (owner, other)]
    anybody = lambda _address: True  # noqa: E731
    assert previews.round_of(anybody, port_of(site)) == 1
    assert previews.round_of(anybody, port_of(site)) == 0
    service.create(owner, f"again {site}/a")
    assert previews.round_of(anybody, port_of(site)) == 0
    assert Site.asked == ["/a", "/p.jpg"]
    page = client.get(posts[1].path).content.decode()
    assert "A &amp; B &lt;b&gt;" in page
    preview = LinkPreview.objects.get()
    picture = client.get(f"/media/{preview.picture}")
    assert picture.status_code == 200
    assert b"Ahmedabad" not in picture.getvalue()


def test_private_addresses_are_never_asked(owner, site):
    service.create(owner, f"see {site}/a")
    assert previews.round_of(ports=port_of(site)) == 1
    assert Site.asked == []
    assert LinkPreview.objects.get().state == LinkPreview.NONE


PRIVATE = """
    127.0.0.1 10.0.0.1 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1
    255.255.255.255 198.18.0.1 192.0.2.1 ::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1
    ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: nonsense
"""


@pytest.mark.parametrize("address", ["", *PRIVATE.split()])
def test_which_addresses_are_not_the_webs(address):
    assert not fetch.is_global(address)


def test_which_addresses_are_the_webs():
    assert fetch.is_global("93.184.216.34")
    assert fetch.is_global("2606:2800:220:1:248:1893:25c8:1946")


def test_a_redirect_is_looked_at_like_the_first_address(site, monkeypatch):
    Site.pages = {"/out": (302, {"Location": "http://169.254.169.254/latest"}, b""),
                  "/file": (302, {"Location": "file:///etc/passwd"}, b""),
                  "/loop": (302, {"Location": "/loop"}, b"")}  # fmt: skip
    own = lambda address: address == "127.0.0.1"  # noqa: E731
    for path in Site.pages:
        with pytest.raises(fetch.NotFetched):
            fetch.fetch_page(site + path, own, (*port_of(site), 80))
    assert Site.asked.count("/loop") == fetch.REDIRECTS_MAX + 1


def test_a_name_with_one_private_address_is_not_asked(monkeypatch):
    monkeypatch.setattr(
        fetch.socket, "getaddrinfo",
        lambda *_a, **_k: [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("127.0.0.1", 80))],
    )  # fmt: skip
    with pytest.raises(fetch.NotFetched, match="none of the public web"):
        fetch.fetch_page("http://rebound.example/")


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "http://a.example:22/", "http://u:p@a.example/", "http:///x", "http://[x/",
     "http://a.example:x/", "gopher://a.example/", "http://xn--\udcff.example/"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_web(url):
    with pytest.raises(fetch.NotFetched):
        fetch.fetch_page(url)


def test_sizes_kinds_and_time_are_bounded(site, monkeypatch):
    anybody = lambda _address: True  # noqa: E731
    large = b"<title>large</title>" + b"x" * (2 * fetch.PAGE_MAX)
    Site.pages = {
        "/large": (200, HTML, large),
        "/pdf": (200, {"Content-Type": "application/pdf"}, b"<title>x</title>"),
        "/none": (200, HTML, b"<p>nothing"),
        "/odd": (200, {"Content-Type": "text/html; charset=x-odd"}, b"<title>odd \xff"),
    }
    assert fetch.fetch_page(site + "/large", anybody, port_of(site)).title == "large"
    assert fetch.fetch_page(site + "/odd", anybody, port_of(site)).title.startswith("odd")
    for path in ("/pdf", "/none", "/missing"):
        with pytest.raises(fetch.NotFetched):
            fetch.fetch_page(site + path, anybody, port_of(site))
    monkeypatch.setattr(fetch, "TIME_S", 0.0)
    with pytest.raises(fetch.NotFetched, match="too long"):
        fetch.fetch_page(site + "/large", anybody, port_of(site))


def test_a_site_that_is_ill_is_asked_again_later_and_not_for_ever(owner, site):
    Site.pages = {"/ill": (503, {}, b"")}
    service.create(owner, f"{site}/ill")
    anybody = lambda _address: True  # noqa: E731
    for n in range(1, previews.TRIES_MAX + 1):
        LinkPreview.objects.update(due_at=timezone.now())
        assert previews.round_of(anybody, port_of(site)) == 1
        assert len(Site.asked) == n
    LinkPreview.objects.update(due_at=timezone.now())
    assert previews.round_of(anybody, port_of(site)) == 0
