"""What a listener finds on an event's page: the configuration its player starts from."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

from samvad.base.errors import PlainError
from samvad.protocol.hls import EVENT_RE, door_path, state_path


@dataclass(frozen=True)
class PageConfig:
    """Absolute addresses of the event's door and state."""

    event: str
    door: str
    state: str


def read_page(url: str, html: str) -> PageConfig:
    """The configuration in the page at `url`. Raises PlainError when it is no event's page."""
    finder = _Finder()
    finder.feed(html)
    try:
        config = json.loads(finder.text)
        event = str(config["event"])
        if not EVENT_RE.fullmatch(event):
            raise ValueError(event)
        origin = urljoin(url, config.get("gate") or "/")
        return PageConfig(
            event=event,
            door=urljoin(origin, config.get("door") or door_path(event)),
            state=urljoin(origin, config.get("state") or state_path(event)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PlainError(
            f"{url} is not the page of a conversation.",
            "Give the listeners' link: it ends in /e/ and a name.",
        ) from None


class _Finder(HTMLParser):
    """The text of <script type="application/json" id="config">."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.text = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and dict(attrs).get("id") == "config"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data
