"""`samvad edge`: what stands in front of the gates, and beside them."""

import contextlib
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import click

from samvad.base.errors import PlainError
from samvad.cli import say
from samvad.cli.site import Site, with_site
from samvad.gate import edge_nginx, mirror
from samvad.protocol.media import Init, Part
from samvad.protocol.room import Phase, RoomState
from samvad.protocol.secret import derive, read_secret, token_for
from samvad.protocol.uplink import Decoder, Forget, Hello, UplinkError, encode

_USUAL = edge_nginx.Edge()
PUT_S = 5.0
AGAIN_S = 1.0


@click.group()
def edge() -> None:
    """A server in front of the gates, and a mirror beside them."""


@edge.command()
@click.option("--certificate", default=_USUAL.certificate, show_default=True)
@click.option("--key", default=_USUAL.key, show_default=True)
@click.option("--cache", default=_USUAL.cache, show_default=True)
@click.option("--user", default=_USUAL.user, show_default=True, help="nginx runs as.")
@click.option("--pid", default=_USUAL.pid, show_default=True)
@click.option("--proxy-protocol", is_flag=True, help="Something before nginx says who comes.")
@click.option("--trusted", multiple=True, metavar="ADDRESS", help="Of that something.")
@with_site()
def nginx(
    site: Site,
    *,
    certificate: str,
    key: str,
    cache: str,
    user: str,
    pid: str,
    proxy_protocol: bool,
    trusted: tuple[str, ...],
) -> None:
    """Write a complete nginx.conf from the settings: samvad edge nginx > nginx.conf"""
    if proxy_protocol and not trusted:
        raise PlainError(
            "Whom is nginx to believe?", "Give the addresses before it with --trusted."
        )
    wanted = edge_nginx.Edge(certificate, key, cache, pid, proxy_protocol, trusted, user)
    click.echo(edge_nginx.render(site.settings, wanted), nl=False)
    if not site.settings.public.proxies:
        print(
            'Set [public] proxies = "127.0.0.1" too: else all clients count as one.',
            file=sys.stderr,
        )


@edge.command("mirror")
@click.argument("event")
@click.option("--to", "target", required=True, metavar="FOLDER|URL", help="Where files are put.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="With each PUT.")
@with_site()
def mirror_(site: Site, *, event: str, target: str, headers: tuple[str, ...]) -> None:
    """Put an event's live media on a static host, as they come: a folder, or a URL that takes PUT.

    Runs until the event is over. What it puts there is what [attack] mirror_url names; listeners
    are told of it by content steering.
    """
    secret = read_secret(site.folders.secret)
    place = f"{event}/{mirror.key(secret, event)}"
    files = mirror.Mirror(event, derive(secret, "media", event), place, site.settings.gate.window_s)
    put = _putter(target, headers)
    say.note(f"Mirroring {event} to {target}/{place}/live/master.m3u8")
    address = site.settings.stage.uplink or str(site.folders.uplink)
    hello = encode(Hello(token_for(secret, "uplink"), "mirror"))
    while not _follow(address, hello, event, files, put):
        time.sleep(AGAIN_S)


Put = Callable[[mirror.File], None]


def _follow(address: str, hello: bytes, event: str, files: mirror.Mirror, put: Put) -> bool:
    """Take what the stage says until the event is over (True) or the line breaks."""
    try:
        with _connected(address) as sock:
            sock.sendall(hello)
            decoder = Decoder()
            while data := sock.recv(256 * 1024):
                for message in decoder.feed(data):
                    if getattr(message, "event", None) != event:
                        continue
                    if isinstance(message, Init | Part):
                        for file in files.take(message):
                            _attempt(put, file)
                    over = isinstance(message, RoomState) and message.phase is Phase.ENDED
                    if over or isinstance(message, Forget):
                        for file in files.end():
                            _attempt(put, file)
                        return True
    except UplinkError as error:
        raise PlainError(f"The stage says what this version does not know: {error}.") from None
    except OSError:
        pass
    return False


def _connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if "/" not in address and port.isdigit() and host:
        return socket.create_connection((host.strip("[]"), int(port)))
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address)
    return sock


def _attempt(put: Put, file: mirror.File) -> None:
    """The next playlist names the next segment: what could not be put is not tried for ever."""
    try:
        put(file)
    except (OSError, urllib.error.URLError) as error:
        print(f"{file.path}: {error}", file=sys.stderr)


def _putter(target: str, headers: tuple[str, ...]) -> Put:
    if target.startswith(("http://", "https://")):
        extra = dict(one.split(":", 1) for one in headers if ":" in one)
        return lambda file: _put_http(target.rstrip("/"), extra, file)
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    return lambda file: _put_file(folder, file)


def _put_file(folder: Path, file: mirror.File) -> None:
    path = folder / file.path
    if file.body is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(file.body)
    draft.replace(path)


def _put_http(base: str, extra: dict[str, str], file: mirror.File) -> None:
    about = {name.strip(): value.strip() for name, value in extra.items()}
    if file.body is not None:
        about |= {"Content-Type": file.kind, "Cache-Control": f"public, max-age={file.lasts_s}"}
    method = "PUT" if file.body is not None else "DELETE"
    request = urllib.request.Request(  # noqa: S310
        f"{base}/{file.path}", data=file.body, headers=about, method=method
    )
    with contextlib.closing(urllib.request.urlopen(request, timeout=PUT_S)):  # noqa: S310
        return
