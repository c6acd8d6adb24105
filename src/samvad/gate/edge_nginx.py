"""`samvad edge nginx`: a whole nginx.conf from the settings. Pure: settings in, text out.

What it chooses, and why, is docs/adr/0027-edge.md. In short: nginx verifies no BLAKE2 ticket, so
a gate does, and its word is remembered for TICKET_S; live objects are collapsed into one request
where that costs no latency, which means a lock that is waited for LOCK_MS at most, since nginx
looks at a lock again only after 500 ms or when that time is over.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from samvad.base.errors import PlainError
from samvad.base.settings import Settings

LOCK_MS = 20
TICKET_S = 5
DOOR_PER_S = 20
"""Knocks a second of one address, with DOOR_BURST at once: a school comes in within a minute."""
DOOR_BURST = 2_000

WAITING = {
    "en": ("One moment", "This page loads again by itself."),
    "gu": ("એક ક્ષણ", "આ પાનું આપમેળે ફરી ખૂલશે."),
    "hi": ("एक पल", "यह पन्ना अपने आप फिर खुलेगा।"),
}


@dataclass(frozen=True, slots=True)
class Edge:
    """`certificate`, `key`: PEM files. `cache`: a folder. `proxy_protocol`: something before nginx
    says who the client is, from the addresses of `trusted`."""

    certificate: str = "/etc/ssl/samvad/fullchain.pem"
    key: str = "/etc/ssl/samvad/privkey.pem"
    cache: str = "/var/cache/nginx/samvad"
    pid: str = "/run/nginx.pid"
    proxy_protocol: bool = False
    trusted: tuple[str, ...] = ()
    user: str = "www-data"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a room is reached, and where it listens."""

    host: str
    port: int
    upstream: str


def render(settings: Settings, edge: Edge) -> str:
    """The configuration. Raises PlainError when the settings do not say by which names people
    come."""
    rooms = {
        "gate": _place(settings.public.gate_url, settings.gate.port),
        "web": _place(settings.public.web_url, settings.web.port),
        "stage": _place(settings.public.stage_url, settings.stage.port),
    }
    servers: dict[tuple[str, int], list[str]] = {}
    for room, place in rooms.items():
        servers.setdefault((place.host, place.port), []).append(room)
    for (host, port), there in servers.items():
        if "web" in there and len(there) > 1:
            raise PlainError(
                f"Pages and {' and '.join(r for r in there if r != 'web')} are both {host}:{port}.",
                "Give each of [public] web_url and gate_url a name (or a port) of its own.",
            )
    blocks = [_server(host, port, there, edge) for (host, port), there in servers.items()]
    upstreams = [_upstream(room, place.upstream) for room, place in rooms.items()]
    return "\n".join([_head(edge), *upstreams, *blocks, "}", ""])


def _place(url: str, port: int) -> _Place:
    if not url.startswith("https://"):
        raise PlainError(
            "An edge needs the names by which people come.",
            "Set [public] gate_url, web_url and stage_url to https:// addresses.",
        )
    parts = urlsplit(url)
    return _Place(parts.hostname or "", parts.port or 443, f"127.0.0.1:{port}")


def _head(edge: Edge) -> str:
    real = ""
    if edge.proxy_protocol:
        lines = [f"    set_real_ip_from {one};" for one in edge.trusted]
        real = "\n".join([*lines, "    real_ip_header proxy_protocol;", ""])
    languages = "\n".join(f'        "~*^{code}" {code};' for code in ("gu", "hi"))
    return f"""# Written by `samvad edge nginx` from the settings; change those and write it anew.
user {edge.user};
worker_processes auto;
worker_rlimit_nofile 65536;
pid {edge.pid};
error_log stderr warn;
events {{
    worker_connections 16384;
    multi_accept on;
}}
http {{
    access_log off;
    server_tokens off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 60s;
    # Form, size and time, as the gates have them.
    client_header_timeout 10s;
    client_body_timeout 10s;
    send_timeout 30s;
    client_header_buffer_size 2k;
    large_client_header_buffers 4 8k;
    client_max_body_size 4k;
    reset_timedout_connection on;
    ignore_invalid_headers on;
    http2_max_concurrent_streams 32;
{real}    # One source: an IPv4 address, or an IPv6 /64.
    map $remote_addr $samvad_source {{
        "~^(?<v6>(?:[0-9a-f]*:){{4}})" $v6;
        default $binary_remote_addr;
    }}
    map $http_accept_language $samvad_language {{
        default en;
{languages}
    }}
    limit_conn_zone $samvad_source zone=samvad_conn:16m;
    limit_req_zone $samvad_source zone=samvad_door:16m rate={DOOR_PER_S}r/s;
    limit_conn_status 429;
    limit_req_status 429;
    proxy_cache_path {edge.cache} levels=1:2 keys_zone=samvad:32m max_size=1g
                     inactive=2m use_temp_path=off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    # Written anew, never added to: what a client has put there changes nothing.
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header Forwarded "";
    proxy_connect_timeout 3s;
    proxy_read_timeout 30s;
"""


def _upstream(room: str, address: str) -> str:
    return f"""    upstream samvad_{room} {{
        server {address} max_fails=0;
        keepalive 256;
    }}"""


def _server(host: str, port: int, rooms: list[str], edge: Edge) -> str:
    proxied = " proxy_protocol" if edge.proxy_protocol else ""
    locations = "\n".join(_LOCATIONS[room] for room in rooms)
    waiting = "\n".join(_waiting(lang) for lang in WAITING)
    return f"""    server {{
        listen {port} ssl http2{proxied};
        listen [::]:{port} ssl http2{proxied};
        server_name {host};
        ssl_certificate {edge.certificate};
        ssl_certificate_key {edge.key};
        ssl_protocols TLSv1.3;
        ssl_session_cache shared:samvad_tls:16m;
        ssl_session_timeout 1h;
        limit_conn samvad_conn 4000;
        error_page 502 504 = @waiting_$samvad_language;
{locations}
{waiting}
    }}"""


def _waiting(lang: str) -> str:
    title, text = WAITING[lang]
    page = (
        f"<!doctype html><html lang={lang}><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><meta http-equiv=refresh content=5>"
        "<style>body{font:1.2rem/1.6 system-ui,sans-serif;max-width:30rem;margin:20vh auto;"
        "padding:0 1rem;color-scheme:light dark}</style>"
        f"<title>{title} · Samvad</title><h1>{title}</h1><p>{text}</p>"
    )
    return f"""        location @waiting_{lang} {{
            internal;
            default_type "text/html; charset=utf-8";
            add_header Cache-Control no-store always;
            add_header Retry-After 5 always;
            return 503 "{page}";
        }}"""


_CACHED = f"""            proxy_cache samvad;
            proxy_cache_lock on;
            proxy_cache_lock_timeout {LOCK_MS}ms;
            proxy_cache_lock_age 1s;
            proxy_ignore_headers Vary Set-Cookie;
            proxy_set_header Accept-Encoding "";"""

_LISTS = r"(?:[a-z]+/(?:index|long)|master)\.m3u8|[a-z]+/lean\.json"
_GATE = f"""        # Media: names cannot be guessed, and what they name never changes.
        location ~ ^/live/[a-z0-9]+/m/[\\w-]+\\.(m4s|mp4)$ {{
            # What is asked for is what the key names: else "x/../m/" could put a 404 in its place.
            proxy_pass http://samvad_gate$uri;
            proxy_cache_key $uri;
            proxy_cache_valid 200 10m;
            proxy_cache_valid 404 1s;
{_CACHED}
        }}
        # Playlists: the same for all who have a good ticket.
        location ~ "^/live/(?<event>[a-z0-9]+)/(?<ticket>[\\w-]{{32}})/(?<list>{_LISTS})$" {{
            auth_request /_ticket;
            # A ticket that is void: the door gives another one.
            error_page 403 =410 @gone;
            proxy_pass http://samvad_gate/live/$event/$ticket/$list$is_args$args;
            proxy_cache_key $event/$list?$args;
            proxy_cache_valid 200 1s;
            gzip on;
            gzip_types application/vnd.apple.mpegurl application/json;
{_CACHED}
        }}
        location = /_ticket {{
            internal;
            proxy_method HEAD;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://samvad_gate/live/$event/$ticket/master.m3u8;
            proxy_cache samvad;
            proxy_cache_key ticket/$event/$ticket;
            proxy_cache_valid 200 {TICKET_S}s;
            proxy_cache_valid 403 410 {TICKET_S}s;
            proxy_cache_lock on;
            proxy_cache_lock_timeout {LOCK_MS}ms;
            proxy_ignore_headers Cache-Control Expires Vary;
            proxy_intercept_errors on;
            error_page 404 410 429 503 = @void;
        }}
        location @void {{
            internal;
            return 403;
        }}
        location @gone {{
            internal;
            add_header Access-Control-Allow-Origin * always;
            return 410;
        }}
        # One object for everybody, a second old at most.
        location ~ ^/live/[a-z0-9]+/state\\.json$ {{
            proxy_pass http://samvad_gate$uri;
            proxy_cache_key $uri;
            proxy_cache_valid 200 1s;
            proxy_cache_use_stale updating;
            gzip on;
            gzip_types application/json;
{_CACHED}
        }}
        location ~ ^/live/[a-z0-9]+/replay\\.m4a$ {{
            proxy_pass http://samvad_gate;
            proxy_max_temp_file_size 0;
        }}
        location ~ ^/door/[a-z0-9]+(/leave|/stalls)?$ {{
            limit_req zone=samvad_door burst={DOOR_BURST} nodelay;
            proxy_pass http://samvad_gate;
        }}
        location /door/ {{
            proxy_pass http://samvad_gate;
        }}
        location / {{
            proxy_pass http://samvad_gate;
            limit_except GET HEAD OPTIONS {{
                deny all;
            }}
        }}"""

_STAGE = """        # For the few: nothing is cached, streams stay open, offers are small.
        location ~ ^/(whip|whep|stage)/ {
            proxy_pass http://samvad_stage;
            client_max_body_size 64k;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }"""

_WEB = """        location / {
            proxy_pass http://samvad_web;
            client_max_body_size 64m;
            client_body_timeout 30s;
        }"""

_LOCATIONS = {"gate": _GATE, "web": _WEB, "stage": _STAGE}
