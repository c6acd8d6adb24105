"""What the site's key signs: permissions to rehearse, certificates of what was proven."""

import dataclasses
import json
from typing import Any

import pytest

from samvad.protocol import certificate as certificates
from samvad.protocol import permission as permissions
from samvad.protocol.certificate import (
    Certificate,
    CertificateError,
    Place,
    outdated,
    settings_mark,
)
from samvad.protocol.permission import NoPermission, Permission, Wish, exceeds
from samvad.protocol.signing import SignatureError, opened, public_key, sign

SECRET, OTHER = b"s" * 32, b"o" * 32
EVENT = "abcdef1234"
KEY = public_key(SECRET, EVENT)
NOW = 1_800_000_000_000
GIVEN = Permission(
    event=EVENT,
    origins=("stage.example.org:80",),
    listeners=1000,
    per_s=50.0,
    seconds=300.0,
    from_ms=NOW - 1000,
    until_ms=NOW + 3_600_000,
    attacks=("flood",),
    attack_per_s=100.0,
    attack_connections=10,
)
WISH = Wish("stage.example.org:80", 1000, 50.0, 300.0, ("flood",), 100.0, 10)
HERE = Place("1.0", "ab", 2, "EPYC", 24)


def test_what_is_signed_opens_with_its_key_alone() -> None:
    document = json.loads(json.dumps(sign(SECRET, EVENT, {"b": 1, "a": ["ä"]})))
    assert opened(document, KEY) == {"b": 1, "a": ["ä"]}
    assert public_key(SECRET, EVENT) != public_key(SECRET, "fedcba4321") != public_key(OTHER, EVENT)
    for wrong in (
        document | {"body": {"b": 2, "a": ["ä"]}},
        document | {"signature": document["signature"][:-4] + "AAAA"},
        document | {"signature": "?"},
        document | {"key": public_key(OTHER, EVENT)},
        {"body": document["body"]},
        [],
        None,
    ):
        with pytest.raises(SignatureError):
            opened(wrong, KEY)
    with pytest.raises(SignatureError):
        opened(document, public_key(OTHER, EVENT))


def served(*documents: Any) -> bytes:
    return permissions.together(documents)


def test_a_permission_is_read_by_who_has_the_key() -> None:
    text = served(permissions.write(OTHER, GIVEN), permissions.write(SECRET, GIVEN))
    assert permissions.read(text, KEY) == GIVEN
    with pytest.raises(NoPermission, match="another key"):
        permissions.read(text, public_key(SECRET, "fedcba4321"))


def test_no_permission_is_read_out_of_anything_else() -> None:
    good = permissions.write(SECRET, GIVEN)
    more = json.loads(json.dumps(good))
    more["body"]["listeners"] = 10**6
    other_kind = sign(SECRET, EVENT, {"kind": "rehearsal-certificate", "schema": 1})
    incomplete = sign(SECRET, EVENT, {"kind": permissions.KIND, "schema": 1})
    odd = sign(SECRET, EVENT, good["body"] | {"listeners": "many"})
    for text in (
        *(b"", b"[]", b"{}", b'{"permissions": 5}', b'{"permissions": [5]}', b"\xff"),
        *(served(), served(more), served(other_kind), served(incomplete), served(odd)),
    ):
        with pytest.raises(NoPermission):
            permissions.read(text, KEY)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"origin": "victim.example.org:80"}, "not for victim"),
        ({"listeners": 1001}, "1000 listeners, not 1001"),
        ({"per_s": 51.0}, "50 arrivals a second"),
        ({"seconds": 301.0}, "300 s, not 301 s"),
        ({"attacks": ("flood", "slowloris")}, "not allow slowloris"),
        ({"attack_per_s": 101.0}, "100 requests a second"),
        ({"attack_connections": 11}, "10 connections"),
    ],
)
def test_a_permission_is_never_exceeded(change: dict[str, Any], says: str) -> None:
    assert exceeds(GIVEN, WISH, NOW) == []
    found = exceeds(GIVEN, dataclasses.replace(WISH, **change), NOW)
    assert len(found) == 1
    assert says in found[0]


def test_a_permission_has_its_time() -> None:
    assert exceeds(GIVEN, WISH, NOW - 2000) == ["it is not valid yet"]
    assert exceeds(GIVEN, WISH, NOW + 3_400_000) == ["it ends before the rehearsal would"]


def won(**changes: Any) -> Certificate:
    about: dict[str, Any] = {"seats": 10_000, "joins_per_s": 400.0, "knee": True}
    about |= {"scenario": "breaking-point", "at_ms": NOW, "place": HERE, "promise": {"late": 0.01}}
    return certificates.proven(EVENT, **(about | changes))


def test_the_door_may_use_three_quarters_of_the_knee() -> None:
    certificate = won()
    assert (certificate.seats, certificate.joins_per_s) == (7500, 300.0)
    assert (certificate.proven_seats, certificate.proven_joins_per_s) == (10_000, 400.0)
    text = certificates.write(SECRET, certificate).encode()
    assert certificates.read(text, KEY) == certificate
    assert outdated(certificate, HERE) == []


@pytest.mark.parametrize(
    "here",
    [
        dataclasses.replace(HERE, version="1.1"),
        dataclasses.replace(HERE, settings="cd"),
        dataclasses.replace(HERE, cpus=4),
        dataclasses.replace(HERE, cpu="Xeon"),
        dataclasses.replace(HERE, memory_gb=8),
    ],
)
def test_an_outdated_certificate_says_why(here: Place) -> None:
    assert len(outdated(won(), here)) == 1


def test_no_certificate_is_read_out_of_anything_else() -> None:
    forged = json.loads(certificates.write(SECRET, won()))
    forged["body"]["seats"] = 10**6
    negative = certificates.write(SECRET, dataclasses.replace(won(), seats=-1))
    permission = json.dumps(permissions.write(SECRET, GIVEN))
    other = certificates.write(OTHER, won())
    for text in ("", "[]", "{}", json.dumps(forged), negative, permission, other):
        with pytest.raises(CertificateError):
            certificates.read(text.encode(), KEY)


def test_settings_are_marked_but_for_ports() -> None:
    before = {"port": 1, "admin_port": 2, "window_s": 60.0}
    assert settings_mark(before) == settings_mark(before | {"port": 9, "admin_port": 8})
    assert settings_mark(before) != settings_mark(before | {"window_s": 61.0})
