"""What a browser is told: policy, cookies, files."""

import json
import re
from pathlib import Path

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from samvad.web.middleware import Files
from samvad.web.templatetags.samvad import asset

pytestmark = pytest.mark.django_db

PATHS = ["/", "/nothing-here", "/accounts/login/", "/events/new", "/healthz", "/admin/login/"]


def policy(answer):
    parts = (p.strip().split() for p in answer.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("path", PATHS)
def test_the_policy_allows_nothing_inline(client, path):
    answer = client.get(path)
    rules = policy(answer)
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:"} & {
        s for sources in rules.values() for s in sources
    }
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "microphone=(self)" in answer.headers["Permissions-Policy"]


def test_the_studio_may_reach_gate_and_stage(client, event):
    reach = policy(client.get(f"/studio/{event.pk}"))["connect-src"]
    assert reach == ["'self'", "http://127.0.0.1:8001", "http://127.0.0.1:8002"]


def test_no_page_of_ours_has_anything_inline(client, as_owner, event):
    for reader, path in (
        (client, "/"), (client, "/accounts/signup/"), (client, f"/studio/{event.pk}"),
        (as_owner, "/events/new"), (as_owner, f"/events/{event.pk}"),
    ):  # fmt: skip
        page = reader.get(path).content.decode()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page), path
        for script in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in script or 'type="application/json"' in script


def test_cookies_are_kept_from_scripts_and_other_sites(client, owner):
    client.post("/accounts/login/", {"login": "asha", "password": "a-quiet-lamp-7"})
    session = next(c for name, c in client.cookies.items() if "session" in name)
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert session.key.startswith("samvad_session_")


def test_every_control_has_a_label_and_ids_are_unique(client, as_owner, event):
    for reader, path in (
        (client, "/accounts/login/"), (client, "/accounts/signup/"),
        (as_owner, "/events/new"), (as_owner, f"/events/{event.pk}/edit"),
        (as_owner, "/accounts/password/"),
    ):  # fmt: skip
        page = reader.get(path).content.decode()
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), path
        labelled = set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page))
        controls = re.findall(r'<(?:input|select|textarea)\b(?![^>]*type="hidden")[^>]*>', page)
        assert controls
        for control in controls:
            assert re.search(r'id="([^"]+)"', control)[1] in labelled, control
        for described in re.findall(r'aria-describedby="([^"]+)"', page):
            assert set(described.split()) <= set(ids), described


@pytest.fixture
def front_end(settings, tmp_path: Path) -> Path:
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"event.js": "event-A1B2C3D4.js"}))
    (folder / "event-A1B2C3D4.js").write_text("export {}")
    settings.ASSETS = folder
    return folder


def test_assets_are_named_by_their_content(front_end):
    assert asset("event.js") == "/a/event-A1B2C3D4.js"
    assert asset("unknown.js") == "/a/unknown.js"
    (front_end / "manifest.json").write_text("{ half")
    assert asset("event.js") == "/a/event.js"


def test_files_of_the_front_end_are_served_and_kept(front_end, rf):
    files = Files(lambda request: None)
    answer = files(rf.get("/a/event-A1B2C3D4.js"))
    assert b"".join(answer.streaming_content) == b"export {}"
    answer.close()
    assert "immutable" in answer.headers["Cache-Control"]
    plain = files(rf.get("/a/manifest.json"))
    plain.close()
    assert "immutable" not in plain.headers["Cache-Control"]
    assert files(rf.get("/a/../secret.key")) is None
    assert files(rf.get("/a/..%2fsecret.key")) is None


def test_a_front_end_built_anew_is_served_without_a_restart(front_end, rf):
    files = Files(lambda request: HttpResponse(status=404))
    assert files(rf.get("/a/event-E5F6A7B8.js")).status_code == 404
    (front_end / "event-E5F6A7B8.js").write_text("export {}")
    (front_end / "manifest.json").write_text(json.dumps({"event.js": "event-E5F6A7B8.js"}))
    assert asset("event.js") == "/a/event-E5F6A7B8.js"
    answer = files(rf.get("/a/event-E5F6A7B8.js"))
    answer.close()
    assert answer.status_code == 200


def test_a_bug_of_ours_has_a_page_in_the_readers_language(client, monkeypatch):
    def bug(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("samvad.web.pages.events.Paginator", bug)
    client.raise_request_exception = False
    answer = client.get("/", headers={"accept-language": "gu"})
    assert answer.status_code == 500
    assert "અમારી બાજુ કંઈક ખોટું થયું" in answer.content.decode()
    assert '<html lang="gu"' in answer.content.decode()


def test_a_request_for_another_host_is_refused(client):
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "cannot be read" in answer.content.decode()


def test_health_is_bad_without_a_database(client, monkeypatch):
    def gone():
        raise OperationalError("disk I/O error")

    monkeypatch.setattr("samvad.web.pages.health.connection.cursor", gone)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert "disk I/O error" in answer.json()["says"]
