"""What a machine must have before a site can stand on it. `doctor` shows all of it; `up` runs
the same checks and refuses to start when one that matters fails."""

import os
import resource
import shutil
import socket
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from samvad.base.errors import PlainError
from samvad.base.folders import assets
from samvad.base.settings import Settings
from samvad.cli import health
from samvad.cli.holders import holder_of
from samvad.cli.site import Site
from samvad.protocol.plan import LANGUAGES
from samvad.protocol.secret import read_secret

FILES_WANTED = 4_096
"""Open files a gate should be allowed: each listener's connection is one."""
_EARLIEST = 1_735_689_600  # 1 January 2025; a clock before that has not been set
_DRIFT_S = 0.02


@dataclass(frozen=True)
class Check:
    """One finding. `says` is a sentence in either case; `mend` is empty when `ok`.

    `fatal`: with this the site cannot start; else it starts, with less.
    """

    name: str
    ok: bool
    says: str
    mend: str = ""
    fatal: bool = False


def every(site: Site, *, running: bool) -> list[Check]:
    """All checks. `running`: the site's own processes hold its ports now."""
    checks = [folder(site.data), disk(site), open_files(site.settings)]
    checks += processes(site) if running else ports(site)
    checks += [clock(), zones(), *codecs(), secret(site), front_end(), languages()]
    return [*checks, *https(site.settings)]


def refuse(checks: Iterable[Check]) -> list[Check]:
    """The findings to warn of. Raises PlainError for the first that forbids a start."""
    warn = []
    for check in checks:
        if check.ok:
            continue
        if check.fatal:
            raise PlainError(check.says, check.mend)
        warn.append(check)
    return warn


def folder(data: Path) -> Check:
    """The data folder can be written to; when there is none yet, the place for it can."""
    mend = f"Give it to this user (chown -R $(id -un) {data}), or choose another with --data."
    place = _existing(data)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".check-") as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        reason = error.strerror or error
        return Check(
            "data folder", False, f"Nothing can be written to {data}: {reason}.", mend, True
        )
    return Check("data folder", True, f"{data} can be written to.")


def _existing(data: Path) -> Path:
    return next(p for p in (data, *data.parents) if p.exists())


def disk(site: Site) -> Check:
    """As much free disk as `stage.free_disk_mb` asks for."""
    free_mb = shutil.disk_usage(_existing(site.data)).free // 1_000_000
    wanted_mb = site.settings.stage.free_disk_mb
    if free_mb < wanted_mb:
        return Check(
            "disk",
            False,
            f"The disk of {site.data} has {free_mb} MB left; at least {wanted_mb} MB are wanted.",
            "Make room (old recordings lie in recordings/), or put --data on another disk. "
            "The setting is stage.free_disk_mb.",
            True,
        )
    hours = free_mb / 42  # AAC 64 kbit/s and Opus 24 kbit/s with boxes, an hour: about 42 MB
    return Check("disk", True, f"{free_mb} MB free, for about {hours:,.0f} hours of conversation.")


def open_files(settings: Settings) -> Check:
    """How many connections a gate process may hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Check("open files", True, "The number of open files is not limited.")
    held = min(settings.gate.connections, hard - 100)
    if hard < FILES_WANTED:
        return Check(
            "open files",
            False,
            f"A process may open {hard} files, so a gate can hold only {max(held, 0)} connections.",
            f"Raise it: ulimit -n {FILES_WANTED * 4}, or LimitNOFILE= in the systemd unit.",
            hard < 256,
        )
    return Check("open files", True, f"{hard} a process; a gate can hold {held} connections.")


def processes(site: Site) -> list[Check]:
    """Those of the running site answer."""
    checks = []
    for name in health.PROBES:
        place = health.address(site, name)
        if health.answers(site, name):
            checks.append(Check(name, True, f"{name} answers at {place}."))
        else:
            says = f"{name} does not answer at {place}, though `samvad up` runs."
            checks.append(Check(name, False, says, "See what its log says where it was started."))
    return checks


def ports(site: Site) -> list[Check]:
    """Every port is free, and none is wanted twice."""
    checks = []
    seen: dict[int, str] = {}
    for name, port in site.ports().items():
        host = "127.0.0.1" if name.endswith("admin_port") else site.settings.public.host
        option = "--" + name.replace(".", "-").replace("_", "-")
        mend = f"Choose another with {option}, or {name} in the settings."
        label = f"port {port}"
        if port in seen:
            says = f"Port {port} is given to {seen[port]} and to {name}."
            checks.append(Check(label, False, says, mend, True))
            continue
        seen[port] = name
        busy = _cannot_listen(host, port)
        if busy is None:
            checks.append(Check(label, True, f"{host}:{port} is free for {name}."))
        elif isinstance(busy, PermissionError):
            says = f"This user may not listen on port {port} ({name})."
            checks.append(Check(label, False, says, mend, True))
        elif isinstance(busy, OSError) and _not_ours(busy):
            says = f"{host} is not an address of this machine, so {name} cannot listen there."
            mend = "Set public.host to 127.0.0.1, 0.0.0.0, or an address of this machine."
            checks.append(Check(label, False, says, mend, True))
        else:
            holder = holder_of(port)
            who = f", held by {holder}" if holder else ""
            says = f"Port {port}, wanted for {name}, is in use{who}."
            checks.append(Check(label, False, says, mend, True))
    return checks


def _cannot_listen(host: str, port: int) -> OSError | None:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without SO_REUSEPORT: another site's gates would let us in beside them.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        return error
    return None


def _not_ours(error: OSError) -> bool:
    import errno

    return isinstance(error, socket.gaierror) or error.errno in (
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
    )


def clock() -> Check:
    """Wall clock and monotonic clock go alike, and the wall clock has been set."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.05)
    drift_s = abs((time.time() - wall) - (time.monotonic() - steady))
    mend = "Let a time service keep the clock (systemd-timesyncd, chrony)."
    if wall < _EARLIEST:
        return Check("clock", False, f"The clock says {time.ctime(wall)}.", mend)
    if drift_s > _DRIFT_S:
        says = f"The wall clock is being moved: {drift_s * 1000:.0f} ms within 50 ms."
        return Check("clock", False, says, mend)
    return Check("clock", True, f"The clock says {time.ctime(wall)} and goes evenly.")


def zones() -> Check:
    """Time zones are known: starts are announced in the host's own."""
    try:
        zoneinfo.ZoneInfo("Asia/Kolkata")
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        return Check(
            "time zones",
            False,
            "The time zone data is missing.",
            "Install the Python package tzdata, or Debian's.",
        )
    return Check("time zones", True, "Time zone data is here.")


def codecs() -> list[Check]:
    """Both renditions are really encoded, and read back."""
    return [_codec("aac", "AAC"), _codec("libopus", "Opus")]


def _codec(name: str, shown: str) -> Check:
    label = f"codec {shown}"
    mend = "Install PyAV's own wheel again: pip install --force-reinstall --no-cache-dir av"
    try:
        import av
        import numpy as np

        encoder = av.CodecContext.create(name, "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.bit_rate = 48_000, "mono", 64_000
        encoder.format = av.AudioFormat("fltp" if name == "aac" else "s16")
        encoder.open()
        samples = encoder.frame_size or 960
        dtype = np.float32 if name == "aac" else np.int16
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, samples), dtype), format=encoder.format.name, layout="mono"
        )
        frame.sample_rate = 48_000
        packets = [*encoder.encode(frame), *encoder.encode(None)]
    except Exception as error:  # whatever a broken library does is the finding
        says = f"{shown} cannot be encoded here: {type(error).__name__}: {error}."
        return Check(label, False, says, mend, True)
    if not packets:
        return Check(label, False, f"The {shown} encoder gives nothing.", mend, True)
    return Check(label, True, f"{shown} can be encoded.")


def secret(site: Site) -> Check:
    """The key of all links is readable, and only for this user."""
    path = site.folders.secret
    if not path.exists():
        return Check("secret key", True, "It will be made at the first start.")
    try:
        read_secret(path)
    except PlainError as error:
        return Check("secret key", False, error.says, error.mend, True)
    if path.stat().st_mode & 0o077:
        says = f"Other users of this machine can read {path}."
        return Check("secret key", False, says, f"chmod 600 {path}")
    return Check("secret key", True, "It is here, and only for this user.")


def front_end() -> Check:
    """The pages' scripts and styles have been built."""
    if (assets() / "manifest.json").is_file():
        return Check("front end", True, "Scripts and styles are built.")
    return Check(
        "front end",
        False,
        "The scripts and styles of the pages are not built, so pages have no player.",
        "Build them: make assets",
    )


def languages() -> Check:
    """The texts of the pages are compiled for every language."""
    locale = assets().parent / "web" / "locale"
    missing = [
        code
        for code in LANGUAGES
        if code != "en" and not (locale / code / "LC_MESSAGES" / "django.mo").is_file()
    ]
    if missing:
        return Check(
            "languages",
            False,
            f"The texts are not compiled for: {', '.join(missing)}.",
            "Compile them: make locale",
        )
    return Check("languages", True, f"Texts are compiled: {', '.join(LANGUAGES)}.")


def https(settings: Settings) -> list[Check]:
    """Browsers give a microphone only to https pages, or to this machine itself."""
    asked: dict[str, Callable[[], str]] = {"web": settings.web_url, "stage": settings.stage_url}
    plain = [name for name, url in asked.items() if _plain_and_far(url())]
    if not plain:
        return [Check("microphones", True, "Browsers will give microphones to these addresses.")]
    return [
        Check(
            "microphones",
            False,
            f"The public address of {' and '.join(plain)} is plain http, "
            "so browsers give speakers no microphone there.",
            "Put TLS in front and set public.web_url and public.stage_url to https addresses.",
        )
    ]


def _plain_and_far(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return False
    host = parts.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
