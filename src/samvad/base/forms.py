"""Forms that some settings must have."""

import ipaddress
import zoneinfo
from urllib.parse import urlsplit

from samvad.base.params import Form


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port != 0
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bare and port_fits


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_zone(text: str) -> bool:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def _is_networks(text: str) -> bool:
    try:
        return all(ipaddress.ip_network(one, strict=False) for one in text.split())
    except ValueError:
        return False


def _is_addresses(text: str) -> bool:
    return all(_is_address(one) for one in text.split())


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and parts.port) and parts.netloc == text and "@" not in text
    except ValueError:
        return False


def _is_database(text: str) -> bool:
    if not text:
        return True
    try:
        parts = urlsplit(text)
        port_fits = parts.port != 0
    except ValueError:
        return False
    named = bool(parts.path.strip("/")) and "/" not in parts.path.strip("/")
    return parts.scheme in ("postgresql", "postgres") and named and port_fits


BASE_URL = Form("http://… or https://…, without query", _is_base_url)
IP_ADDRESS = Form("an IP address", _is_ip_address)
ADDRESSES = Form("host:port, several separated by spaces", _is_addresses)
NETWORKS = Form("addresses and networks, separated by spaces", _is_networks)
ZONE = Form("an IANA time zone, as Asia/Kolkata", _is_zone)
DATABASE = Form("postgresql://user:password@host:5432/name, or empty", _is_database)
