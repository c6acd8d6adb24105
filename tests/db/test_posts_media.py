"""Photos: what is taken, what is kept of it, who may have it; uploads, captions, addresses."""

import io
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from samvad.accounts import pictures, ties
from samvad.accounts.models import User
from samvad.accounts.service import issue_token
from samvad.base.params import replace
from samvad.posts import captions, media, service, videos
from samvad.posts.cards import cards
from samvad.posts.errors import PostError
from samvad.posts.models import Medium, Post
from tests.db.conftest import logged_in
from tests.kit import hostile

pytestmark = pytest.mark.django_db
TUS = {"Tus-Resumable": "1.0.0"}


def sent(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def body(answer) -> bytes:
    return answer.getvalue()


@pytest.mark.parametrize("name", list(hostile.REFUSED))
def test_what_is_no_photo_is_refused_and_leaves_nothing(owner, folders, name):
    client = logged_in(owner)
    data = hostile.REFUSED[name]()
    answer = client.post("/compose", {"text": "look", "photo1": sent(data)})
    assert answer.status_code == 422, name
    assert "photo" in answer.content.decode().split('role="alert"')[1].split("</div>")[0]
    assert not Post.objects.exists()
    assert not Medium.objects.exists()
    assert not (folders.web / "media").exists()


@pytest.mark.parametrize("name", list(hostile.POLYGLOTS))
def test_of_a_polyglot_only_the_photo_is_kept(owner, name):
    medium = media.add_photo(owner, hostile.POLYGLOTS[name]())
    for file in medium.files.values():
        data = (media.folder(medium) / file).read_bytes()
        assert b"script" not in data
        assert b"PK\x03\x04" not in data
        Image.open(io.BytesIO(data)).verify()


def test_where_it_was_taken_is_told_to_nobody(owner):
    original = hostile.with_place()
    assert b"Ahmedabad" in original  # the test's own file does say it
    medium = media.add_photo(owner, original)
    assert (medium.width, medium.height) == (600, 800)  # upright
    for file in medium.files.values():
        data = (media.folder(medium) / file).read_bytes()
        image = Image.open(io.BytesIO(data))
        assert not image.getexif()
        assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)
        for word in (b"Ahmedabad", b"Secret", b"GPS", b"Exif"):
            assert word not in data


def test_sizes_are_for_screens_and_none_is_blown_up():
    large = pictures.photo(hostile.picture(3000, 1500))
    assert set(large.files) == {"w480", "w960", "w1920", "jpg"}
    assert (large.width, large.height) == (1920, 960)
    small = pictures.photo(hostile.picture(300, 200))
    assert set(small.files) == {"w480", "jpg"}
    assert (small.width, small.height) == (300, 200)
    clear = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(clear, "PNG")
    kept = pictures.photo(clear.getvalue()).files["w480"]
    assert Image.open(io.BytesIO(kept)).mode == "RGBA"
    square = pictures.avatar(hostile.picture(900, 300), focus=(0, 0))
    assert Image.open(io.BytesIO(square.files["w400"])).size == (400, 400)
    wide = pictures.banner(hostile.picture(900, 900))
    assert Image.open(io.BytesIO(wide.files["w1500"])).size == (1500, 500)


def test_a_post_takes_four_photos_or_one_video(owner, settings):
    photos = [media.add_photo(owner, hostile.picture(64, 64)) for _ in range(5)]
    with pytest.raises(PostError):
        service.create(owner, "x", media=photos)
    post = service.create(owner, "", media=photos[:4])
    assert [one.medium.position for one in cards([post.pk], None)[0].media] == [0, 1, 2, 3]
    with pytest.raises(PostError):
        service.create(owner, "again", media=photos[:1])
    settings.SAMVAD = replace(settings.SAMVAD, posts=replace(settings.SAMVAD.posts, photo_max_mb=1))
    with pytest.raises(PostError, match="1 MB"):
        media.add_photo(owner, bytes(1_000_001))


def test_nobody_attaches_what_is_another_persons(owner, other):
    photo = media.add_photo(owner, hostile.picture(64, 64))
    with pytest.raises(PostError):
        service.create(other, "mine", media=[photo])
    answer = logged_in(other).post("/compose", {"text": "x", "attached": photo.name})
    assert answer.status_code == 302
    assert not Post.objects.get().media.exists()


def test_one_keeps_a_bounded_number_that_no_post_uses(owner, monkeypatch):
    monkeypatch.setattr(media, "UNUSED_MAX", 1)
    media.add_photo(owner, hostile.picture(64, 64))
    with pytest.raises(PostError, match="Too many"):
        media.add_photo(owner, hostile.picture(64, 64))


def test_what_is_not_used_is_swept_away(owner, django_capture_on_commit_callbacks):
    photo = media.add_photo(owner, hostile.picture(64, 64))
    assert media.sweep() == 0
    Medium.objects.update(created_at="2020-01-01T00:00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        assert media.sweep() == 1
    assert not media.folder(photo).exists()


# Who may have the file


def paths(post: Post, reader: User | None) -> list[str]:
    (card,) = cards([post.pk], reader)
    return list(card.media[0].at.values())


def test_a_public_photo_is_for_everybody_without_cookies(owner, client):
    photo = media.add_photo(owner, hostile.picture(), alt="A river")
    post = service.create(owner, "x", media=[photo])
    page = client.get(post.path).content.decode()
    assert 'alt="A river"' in page
    for path in paths(post, None):
        assert path in page or path.endswith(".jpg")
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] in ("image/webp", "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert "Set-Cookie" not in answer.headers
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
        Image.open(io.BytesIO(body(answer))).verify()
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_file_is_given_in_parts(owner, client):
    post = service.create(owner, "x", media=[media.add_photo(owner, hostile.picture())])
    path = paths(post, None)[0]
    whole = body(client.get(path))
    for asked, part in [
        ("bytes=0-9", whole[:10]),
        ("bytes=100-", whole[100:]),
        ("bytes=-5", whole[-5:]),
        ("bytes=0-99999999", whole),
    ]:
        answer = client.get(path, headers={"Range": asked})
        assert (answer.status_code, body(answer)) == (206, part)
    for asked in ("bytes=99999999-", "bytes=5-1"):
        assert client.get(path, headers={"Range": asked}).status_code == 416
    for asked in ("bytes=-", "lines=0-1", "bytes=0-1,3-4"):
        assert client.get(path, headers={"Range": asked}).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("visibility", ["followers", "mentioned"])
def test_a_photo_for_some_wants_a_permission_that_ends(owner, other, client, visibility):
    ties.follow(other, owner)
    photo = media.add_photo(owner, hostile.picture())
    post = service.create(owner, "@bela x", media=[photo], visibility=visibility)
    path = paths(post, other)[0]
    _, _, name, key, file = path.split("/")
    assert client.get(path).status_code == 200
    assert client.get(path).headers["Cache-Control"] == "private, no-cache"
    assert client.get(f"/media/{name}/p/{file}").status_code == 404
    other_photo = media.add_photo(owner, hostile.picture(64, 64))
    wrong = [
        key[:-1] + ("0" if key[-1] != "0" else "1"),
        key.split("-")[1],
        "ffffffff-" + "0" * 32,
        media.key_for(other_photo.name),
        media.key_for(name, time.time() - 3 * 3600),
    ]
    for one in wrong:
        assert client.get(f"/media/{name}/{one}/{file}").status_code == 404, one


@pytest.mark.parametrize("how", ["deleted", "hidden", "suspended", "inactive", "narrowed"])
def test_what_is_no_longer_shown_is_gone_from_its_address(owner, client, how):
    post = service.create(owner, "x", media=[media.add_photo(owner, hostile.picture())])
    public, key = paths(post, None)[0], media.key_for(post.media.get().name)
    private = public.replace("/p/", f"/{key}/")
    tag = client.get(public).headers["ETag"]
    match how:
        case "deleted":
            service.delete(post)
        case "hidden":
            service.hide(post)
        case "suspended":
            User.objects.filter(pk=owner.pk).update(standing="suspended")
        case "inactive":
            User.objects.filter(pk=owner.pk).update(is_active=False)
        case "narrowed":
            Post.objects.update(visibility="followers")
    assert client.get(public).status_code == 404
    assert client.get(public, headers={"If-None-Match": tag}).status_code == 404
    assert client.get(private).status_code == (200 if how == "narrowed" else 404)


@pytest.mark.parametrize(
    "path",
    ["/media/", "/media/x", "/media/../../secret.key", "/media/%2e%2e/%2e%2e/secret.key",
     "/media/{name}/p/../../../../secret.key", "/media/{name}/p/source", "/media/{name}/p/w480.png",
     "/media/{name}/p/%00", "/media/a/unknown-1.webp", "/media/l/unknown1.webp"],
)  # fmt: skip
def test_nothing_else_is_served(owner, client, path):
    photo = media.add_photo(owner, hostile.picture(64, 64))
    service.create(owner, "x", media=[photo])
    assert client.get(path.format(name=photo.name)).status_code == 404


# Videos in pieces


def test_a_video_comes_in_pieces_and_goes_on_where_it_broke(owner, other):
    client = logged_in(owner)
    data = bytes(range(256)) * 1000
    told = client.options("/uploads/")
    assert told.headers["Tus-Version"] == "1.0.0"
    assert client.post("/uploads/", headers={"Upload-Length": "9"}).status_code == 412
    for wrong in ("", "-1", "x", "9" * 17):
        answer = client.post("/uploads/", headers=TUS | {"Upload-Length": wrong})
        assert answer.status_code == 400
    too_much = {"Upload-Length": str(10**12)}
    assert client.post("/uploads/", headers=TUS | too_much).status_code == 413
    made = client.post("/uploads/", headers=TUS | {"Upload-Length": str(len(data))})
    assert made.status_code == 201
    at = "/" + made.headers["Location"].split("/", 3)[3]

    def piece(start: int, end: int, kind: str = "application/offset+octet-stream"):
        headers = TUS | {"Upload-Offset": str(start)}
        return client.patch(at, data[start:end], content_type=kind, headers=headers)

    assert piece(0, 100_000).headers["Upload-Offset"] == "100000"
    assert piece(0, 100_000).status_code == 409
    assert piece(100_000, 200_000, "text/plain").status_code == 415
    for stranger in (logged_in(other), Client()):
        status = stranger.head(at, headers=TUS).status_code
        assert status in (401, 404)
        assert stranger.delete(at, headers=TUS).status_code == status
    head = client.head(at, headers=TUS)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("100000", "256000")
    assert client.get(at + "/state").json()["state"] == "uploading"
    assert piece(100_000, 256_000).headers["Upload-Offset"] == "256000"
    medium = Medium.objects.get()
    assert medium.state == Medium.State.WAITING
    assert videos.source(medium).read_bytes() == data
    assert piece(0, 10).status_code == 409
    assert client.delete(at, headers=TUS).status_code == 204
    assert not Medium.objects.exists()


def test_a_program_uploads_with_a_token(owner):
    bearer = {"Authorization": f"Bearer {issue_token(owner)}"}
    made = Client(enforce_csrf_checks=True).post(
        "/uploads/", headers=TUS | bearer | {"Upload-Length": "5"}
    )
    assert made.status_code == 201
    wrong = TUS | {"Authorization": "Bearer nonsense", "Upload-Length": "5"}
    assert Client().post("/uploads/", headers=wrong).status_code == 401


def test_an_unfinished_upload_belongs_to_no_post(owner):
    medium = videos.begin(owner, 100)
    with pytest.raises(PostError):
        service.create(owner, "x", media=[medium])
    Medium.objects.update(created_at="2020-01-01T00:00:00Z")
    assert videos.drop_stale() == 1
    told = logged_in(owner).get(f"/uploads/{medium.name}/state").json()
    assert told["state"] == "failed"
    assert "not finished" in told["says"]


def test_a_photo_is_sent_by_a_script(owner, other):
    client = logged_in(owner)
    answer = client.post("/uploads/photo", {"file": sent(hostile.picture()), "alt": "A"})
    told = answer.json()
    assert answer.status_code == 201
    assert client.get(told["shown"]).status_code == 200
    at = f"/uploads/{told['name']}/state"
    assert logged_in(other).post(at, {"alt": "mine"}).status_code == 404
    client.post(at, {"alt": "A river", "focus": "0.25,2"})
    medium = Medium.objects.get()
    assert (medium.alt, medium.focus_x, medium.focus_y) == ("A river", 0.25, 1.0)
    refused = client.post("/uploads/photo", {"file": sent(hostile.SVG)})
    assert (refused.status_code, refused.json()["code"]) == (422, "unreadable")
    client.post("/compose", {"text": "look", "attached": told["name"]})
    assert Post.objects.get().media.get() == medium
    page = client.get(Post.objects.get().path).content.decode()
    assert "focus-1-4" in page


# Captions


def test_captions_are_read_strictly_and_written_anew():
    good = (
        "\ufeffWEBVTT - title\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nNOTE secret\r\n\r\n"
        "one\r\n00:01.000 --> 00:02.500 align:start\r\n<v Asha>નમસ્તે <script>x</script> & you\r\n"
        "second line\r\n\r\n00:00:03,000 --> 00:00:02,000\nback in time\n\n"
        "00:00:05.000 --> 00:00:06.000\n\n"
    )
    assert captions.clean(good.encode()).split("\n") == [
        "WEBVTT", "", "00:00:01.000 --> 00:00:02.500", "નમસ્તે x &amp; you", "second line", "",
    ]  # fmt: skip
    for bad in (b"", b"WEBVTT\n", b"\xff\xfe\x00", b"<html>", b"\0" * 50, b"00:00 --> 00:01\nx"):
        assert captions.clean(bad) is None


def test_captions_belong_to_ones_own_video(owner, other, client):
    medium = Medium.objects.create(
        owner=owner, kind="video", state="ready", files={"mp4": "video.mp4"}
    )
    post = service.create(owner, "x", media=[medium])
    vtt = b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n"
    form = lambda data: {"file": SimpleUploadedFile("c.vtt", data), "language": "gu"}  # noqa: E731
    at = f"{post.path}/captions"
    assert logged_in(other).post(at, form(vtt)).status_code == 404
    mine = logged_in(owner)
    assert "cannot be read" in mine.post(at, form(b"<b>"), follow=True).content.decode()
    mine.post(at, form(vtt))
    page = client.get(post.path).content.decode()
    assert 'srclang="gu"' in page
    track = client.get(f"/media/{medium.name}/p/gu.vtt")
    assert body(track).decode().endswith("hello\n")
    assert track.headers["Content-Type"].startswith("text/vtt")
    mine.post(at, {"remove": "gu"})
    assert client.get(f"/media/{medium.name}/p/gu.vtt").status_code == 404
