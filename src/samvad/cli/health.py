"""Whether the processes of a site answer."""

from samvad.cli.fetch import get, reachable
from samvad.cli.site import Site

PROBES = {
    # process: (setting of its port, path)
    "web": ("web.port", "/healthz"),
    "stage": ("stage.admin_port", "/health"),
    "gate": ("gate.admin_port", "/health"),
}


def address(site: Site, process: str) -> str:
    """Where `process` says that it is well. Admin ports are on the loopback address."""
    port, path = PROBES[process]
    host = "127.0.0.1" if port.endswith("admin_port") else reachable(site.settings.public.host)
    return f"http://{host}:{site.ports()[port]}{path}"


def answers(site: Site, process: str) -> bool:
    """Whether it does so now. Takes up to a second."""
    answer = get(address(site, process))
    return answer is not None and answer[0] == 200
