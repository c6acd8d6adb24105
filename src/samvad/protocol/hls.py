"""The grammar of the crowd's URLs: built and read here only.

    /e/<slug>                                 event page
    /a/<file>                                 scripts, styles, fonts (hashed names)
    /door/<event>            /door/<event>/serving.json
    /live/<event>/state.json
    /live/<event>/replay.m4a
    /live/<event>/m/<name>.m4s | .mp4         media segments and parts | init segments
    /live/<event>/<ticket>/master.m3u8
    /live/<event>/<ticket>/<rendition>/index.m3u8
    /live/<event>/<ticket>/<rendition>/long.m3u8     the same in segments of 5.76 s
    /live/<event>/<ticket>/<rendition>/lean.json     names of what is to come
    /live/<event>/<ticket>/<rendition>/back.m3u8     all of it so far, while the rung allows
    /live/<event>/r/<file>                    what is published of it: replay as HLS, downloads

Inside a playlist media are named relative to it (`../../m/<name>.m4s`), so the same bytes
serve every ticket. Delivery directives: RFC 8216bis, section 6.2.5 (`_HLS_msn`,
`_HLS_part`, `_HLS_skip`). Looks at serving.json and state.json that are held until there is news:
`?after=` and `&until=` (gate/news.py).
"""

import re

EVENT = r"[a-z0-9]{6,32}"
SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
SLUG_MAX = 64
EVENT_RE = re.compile(EVENT)

MEDIA_UP = "../../m/"
"""From a rendition's playlist to the media objects."""


def page_path(slug: str) -> str:
    return f"/e/{slug}"


def door_path(event: str) -> str:
    return f"/door/{event}"


def serving_path(event: str) -> str:
    return f"/door/{event}/serving.json"


def state_path(event: str) -> str:
    return f"/live/{event}/state.json"


def replay_path(event: str) -> str:
    return f"/live/{event}/replay.m4a"


def published_path(event: str, name: str) -> str:
    return f"/live/{event}/r/{name}"


def master_path(event: str, ticket: str) -> str:
    return f"/live/{event}/{ticket}/master.m3u8"


def rendition_path(event: str, ticket: str, rendition: str) -> str:
    return f"/live/{event}/{ticket}/{rendition}/index.m3u8"


def long_path(event: str, ticket: str, rendition: str) -> str:
    return f"/live/{event}/{ticket}/{rendition}/long.m3u8"


def lean_path(event: str, ticket: str, rendition: str) -> str:
    return f"/live/{event}/{ticket}/{rendition}/lean.json"


def media_path(event: str, name: str, ending: str = "m4s") -> str:
    return f"/live/{event}/m/{name}.{ending}"


def whip_path(event: str) -> str:
    return f"/whip/{event}"


def whep_path(event: str) -> str:
    return f"/whep/{event}"


def stage_path(event: str, what: str = "") -> str:
    return f"/stage/{event}/{what}"
