"""The site's secret: made once, private, and a damaged one is said so."""

from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.protocol.client_addr import source_of
from samvad.protocol.media import object_name
from samvad.protocol.secret import make_secret, read_secret


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first = make_secret(path)
    assert make_secret(path) == first == read_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("damage", ["", "zz", "abcd"])
def test_a_damaged_secret_is_refused_with_the_mend(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(damage)
    with pytest.raises(PlainError) as error:
        read_secret(path)
    assert "Restore" in error.value.mend


def test_a_missing_secret_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="samvad up"):
        read_secret(tmp_path / "none")


def test_object_names_are_stable_distinct_and_safe_in_urls() -> None:
    names = {object_name(b"k" * 32, "aac", msn, part) for msn in range(50) for part in range(3)}
    assert len(names) == 150
    assert object_name(b"k" * 32, "aac", 1, 2) in names
    assert object_name(b"l" * 32, "aac", 1, 2) not in names
    assert all(len(n) == 22 and n.replace("-", "").replace("_", "").isalnum() for n in names)


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_64(peer: str, source: str) -> None:
    assert source_of(peer) == source
