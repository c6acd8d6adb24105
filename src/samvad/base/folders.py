"""Where things lie in the data folder. Every room asks here, so that no path is spelt twice."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """Paths below one data folder. `make()` creates the folders."""

    data: Path

    @property
    def settings(self) -> Path:
        return self.data / "samvad.toml"

    @property
    def secret(self) -> Path:
        """32 random bytes in hex, mode 0600: all keys of the site are derived from it."""
        return self.data / "secret.key"

    @property
    def web(self) -> Path:
        """The database, uploads."""
        return self.data / "web"

    @property
    def previews(self) -> Path:
        """What other sites show of events: images and oEmbed, served as they are."""
        return self.web / "previews"

    @property
    def plans(self) -> Path:
        """`<event>.json`, written by web, read by stage and gates."""
        return self.data / "plans"

    @property
    def journal(self) -> Path:
        """`<writer>.jsonl`, appended by stage and gates, read by the worker."""
        return self.data / "journal"

    @property
    def recordings(self) -> Path:
        """`<event>/…`, written by stage; gates serve the finished replay from it."""
        return self.data / "recordings"

    @property
    def permissions(self) -> Path:
        """`<event>.json`: signed permissions to rehearse; gates serve them."""
        return self.data / "rehearsal" / "permissions"

    @property
    def certificates(self) -> Path:
        """`<event>.json` and `site.json`: what rehearsals have proven; the door reads them."""
        return self.data / "rehearsal" / "certificates"

    @property
    def run(self) -> Path:
        """Sockets, seat tables, counters: of use only while something runs."""
        return self.data / "run"

    @property
    def uplink(self) -> Path:
        return self.run / "uplink.sock"

    def recording(self, event: str) -> Path:
        return self.recordings / event

    def replay(self, event: str) -> Path:
        return self.recording(event) / "replay.m4a"

    def permission(self, event: str) -> Path:
        return self.permissions / f"{event}.json"

    def certificate(self, event: str) -> Path:
        """Of one event; "": of the site, for events that have none of their own."""
        return self.certificates / f"{event or 'site'}.json"

    def make(self) -> None:
        for folder in (self.data, self.web, self.plans, self.journal, self.recordings, self.run):
            folder.mkdir(parents=True, exist_ok=True)


def assets() -> Path:
    """The built front end (scripts, styles, fonts with hashed names, and manifest.json)."""
    return Path(__file__).resolve().parent.parent / "assets"
