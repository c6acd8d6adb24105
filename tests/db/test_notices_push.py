"""Web Push, against a push service and a browser of the tests' own."""

import datetime as dt
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as django_settings
from django.utils import timezone

from samvad.base.params import replace
from samvad.notices import outward, push, service, vapid
from samvad.notices.kinds import Kind
from samvad.notices.models import Push, PushSubscription
from samvad.notices.outward import Answer, Failed
from samvad.web import told, worker
from tests.db.conftest import logged_in
from tests.kit.clock import FakeClock
from tests.kit.push_service import Browser, PushService, claims_of, decrypt, from64

pytestmark = pytest.mark.django_db


@pytest.fixture
def pushes(settings):
    settings.SAMVAD = replace(
        settings.SAMVAD, notices=replace(settings.SAMVAD.notices, push_private=True)
    )
    service = PushService()
    yield service
    service.close()


def rounds(now=None):
    """What the worker's errands do."""
    now = now or timezone.now() + dt.timedelta(seconds=1)
    push.line_up(now)
    return push.send_due(now, told.payload)


def test_the_tests_own_browser_reads_the_rfcs_example():
    """RFC 8291, section 5: the decryption above is the RFC's, not ours turned round."""
    receiver = ec.derive_private_key(
        int.from_bytes(from64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"),
        ec.SECP256R1(),
    )
    body = from64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWy"
        "ouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    auth = from64("BTBZMqHH6r4Tts7J_aSIgg")
    assert decrypt(body, receiver, auth) == b"When I grow up, I want to be a watermelon"


def test_a_push_arrives_and_only_that_browser_can_read_it(pushes, owner, other):
    browser = Browser(pushes)
    push.subscribe(owner, browser.subscription())
    service.wish(owner, language="hi")
    notice = service.tell(owner, Kind.REPLY, other, ("post", "1"))
    assert rounds() == 1
    assert browser.got() == [
        {
            "title": "Samvad",
            "body": "bela: आपको जवाब दिया।",
            "url": f"http://127.0.0.1:8000/notices/{notice.pk}",
            "tag": "reply/1",
            "lang": "hi",
        }
    ]
    sent = pushes.pushes[0]
    assert b"bela" not in sent.body
    assert sent.headers["Content-Encoding"] == "aes128gcm"
    assert sent.headers["TTL"] == "86400"
    assert len(sent.headers["Topic"]) <= 32
    claims = claims_of(sent.headers["Authorization"], vapid.public_key(django_settings.SITE_SECRET))
    assert claims["aud"] == pushes.url
    assert claims["sub"] == "http://127.0.0.1:8000"
    assert 0 < claims["exp"] - timezone.now().timestamp() <= 24 * 3600
    assert rounds() == 0, "once"


def test_the_worker_does_it(pushes, owner, other):
    browser = Browser(pushes)
    push.subscribe(owner, browser.subscription())
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    clock = FakeClock(wall_ms=round(timezone.now().timestamp() * 1000) + 1000)
    assert worker.errands(clock) == []
    assert len(browser.got()) == 1


def test_kinds_that_are_not_wanted_and_kinds_that_are_never_pushed(pushes, owner, other):
    browser = Browser(pushes)
    push.subscribe(owner, browser.subscription())
    service.wish(owner, not_pushed=["reply"])
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    service.tell(owner, Kind.LIKE, other, ("post", "1"))
    service.tell(owner, Kind.MENTION, other, ("post", "1"))
    rounds()
    assert [one["tag"] for one in browser.got()] == ["mention/1"]


def test_many_are_pushed_as_one(pushes, owner, other):
    browser = Browser(pushes)
    push.subscribe(owner, browser.subscription())
    for n in range(5):
        service.tell(owner, Kind.REPLY, other, ("post", str(n)))
    rounds()
    assert [one["body"] for one in browser.got()] == ["You have 5 new notifications."]


def test_a_browser_that_is_gone_is_forgotten(pushes, owner, other):
    push.subscribe(owner, Browser(pushes).subscription())
    pushes.status = 410
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    assert rounds() == 0
    assert not PushSubscription.objects.exists()
    assert not Push.objects.exists()


def test_a_service_that_is_down_is_asked_again_later_and_not_for_ever(pushes, owner, other):
    browser = Browser(pushes)
    push.subscribe(owner, browser.subscription())
    pushes.status, pushes.headers = 503, {"Retry-After": "600"}
    service.tell(owner, Kind.REPLY, other, ("post", "1"))
    now = timezone.now() + dt.timedelta(seconds=1)
    rounds(now)
    rounds(now + dt.timedelta(seconds=599))
    assert len(pushes.pushes) == 1, "it asked for ten minutes"
    pushes.status = 201
    assert rounds(now + dt.timedelta(seconds=601)) == 1
    assert len(browser.got()) == 2
    pushes.status = 503
    service.tell(owner, Kind.REPLY, other, ("post", "2"))
    for days in range(1, 20):
        rounds(now + dt.timedelta(days=days))
    assert len(pushes.pushes) == 2 + push.TRIES_MOST
    assert not Push.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
     "fd00::1", "fe80::1%eth0", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1",
     "not an address"],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not outward.is_public(address)


def test_addresses_that_are_public():
    assert outward.is_public("93.184.215.14")
    assert outward.is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


@pytest.mark.parametrize(
    "url",
    ["http://push.example/x", "https://push.example:8443/x", "https://u@push.example/x", "ftp://x",
     "https:///x", "https://push.example/\r\nX: y", "https://push.example/ü", "https://x:99999/"],
)  # fmt: skip
def test_urls_that_are_not_used(url):
    assert not outward.usable(url)


def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(pushes, monkeypatch):
    port = int(pushes.url.rsplit(":", 1)[1])
    inside = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(outward.socket, "getaddrinfo", lambda *a, **k: inside)
    answer = outward.post("https://push.example/x", b"", {})
    assert isinstance(answer, Failed)
    assert answer.for_good
    assert pushes.pushes == []


def test_redirects_lead_nowhere(pushes):
    pushes.status, pushes.headers = 307, {"Location": f"{pushes.url}/inside"}
    assert outward.post(f"{pushes.url}/x", b"", {}, private=True) == Answer(307)
    assert [one.path for one in pushes.pushes] == ["/x"]


def test_subscribing_by_the_page(pushes, client, owner, other):
    mine, theirs = logged_in(owner), logged_in(other)
    browser = Browser(pushes)
    told_by = {"content_type": "application/json"}
    body = json.dumps(browser.subscription())
    assert client.post("/notices/push", body, **told_by).status_code == 302
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    answer = mine.post("/notices/push", body, headers={"user-agent": agent}, **told_by)
    assert answer.status_code == 204
    mine.post("/notices/push", body, **told_by)
    found = PushSubscription.objects.get()
    assert found.user == owner
    page = mine.get("/notices/wishes").content.decode()
    key = re.search(r'"key": "([\w-]{87})"', page).group(1)
    assert len(from64(key)) == 65
    assert theirs.post(f"/notices/push/{found.pk}/off").status_code == 404
    assert mine.post(f"/notices/push/{found.pk}/off").status_code == 302
    assert not PushSubscription.objects.exists()
    mine.post("/notices/push", body, **told_by)
    off = json.dumps({"off": browser.endpoint})
    theirs.post("/notices/push", off, **told_by)
    assert PushSubscription.objects.exists(), "only one's own"
    mine.post("/notices/push", off, **told_by)
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://127.0.0.1:1/x"},
        {"endpoint": 7},
        {"keys": {}},
        {"keys": {"p256dh": "AAAA", "auth": "c2l4dGVlbiBieXRlcyBvaw"}},
        {"keys": None},
    ],
)
def test_what_is_no_subscription(owner, wrong, pushes, settings):
    settings.SAMVAD = replace(
        settings.SAMVAD, notices=replace(settings.SAMVAD.notices, push_private=False)
    )
    good = Browser(pushes).subscription() | {"endpoint": "https://push.example/x"}
    mine = logged_in(owner)
    for body, status in ((good | wrong, 422), (good, 204)):
        answer = mine.post("/notices/push", json.dumps(body), content_type="application/json")
        assert answer.status_code == status
    for body in ("", "[]", "{"):
        answer = mine.post("/notices/push", body, content_type="application/json")
        assert answer.status_code in (400, 422)


def test_a_person_has_so_many_browsers(pushes, owner):
    for n in range(push.BROWSERS_MOST + 3):
        push.subscribe(owner, Browser(pushes, str(n)).subscription())
    kept = {s.endpoint.rsplit("/", 1)[1] for s in PushSubscription.objects.all()}
    assert kept == {str(n) for n in range(3, push.BROWSERS_MOST + 3)}


def test_the_worker_script_stands_at_the_root(client):
    answer = client.get("/push-worker.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in answer.content
