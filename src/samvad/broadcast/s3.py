"""An S3-compatible object store, as far as recordings need one: put in parts, list, get, delete.

Signature Version 4 over the standard library: forty lines in place of a large dependency. Path
style (`/bucket/key`), which every compatible server takes. Blocking; for a process of its own.
"""

import datetime as dt
import hashlib
import hmac
import http.client
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

TIMEOUT_S = 60.0
PIECE = 8 * 1024 * 1024
"""Bytes of a part of an upload; S3 wants 5 MiB at least, but for the last."""
_TAG = re.compile(r"\{.*\}")


class StoreError(OSError):
    """The store said no, or nothing. `status` 0: it was not reached."""

    def __init__(self, says: str, status: int = 0) -> None:
        super().__init__(says)
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    """Where, and who one is there."""

    url: str
    bucket: str
    region: str
    key: str
    secret: str


def signed(  # noqa: PLR0917
    place: Place,
    method: str,
    path: str,
    query: Mapping[str, str],
    payload: str,
    at: dt.datetime,
) -> dict[str, str]:
    """Headers that prove who asks (AWS Signature Version 4). `payload`: hex SHA-256 of the body,
    `path` as it is sent. Pure."""
    host = urlsplit(place.url).netloc
    stamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    headers = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(headers)
    asked = "\n".join(
        (
            method,
            path,
            _query(query),
            "".join(f"{name}:{value}\n" for name, value in headers.items()),
            names,
            payload,
        )
    )
    scope = f"{day}/{place.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{place.secret}".encode()
    for piece in (day, place.region, "s3", "aws4_request"):
        key = hmac.digest(key, piece.encode(), "sha256")
    mark = hmac.new(key, text.encode(), "sha256").hexdigest()
    proof = f"AWS4-HMAC-SHA256 Credential={place.key}/{scope}, SignedHeaders={names}, Signature="
    return headers | {"authorization": proof + mark}


def _query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query.items()))


class Store:
    """One bucket. Every method raises StoreError."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def begin(self, name: str, kind: str) -> str:
        """An upload in parts; its id."""
        _, body = self._ask("POST", name, {"uploads": ""}, more={"content-type": kind})
        return _text(body, "UploadId")

    def parts(self, name: str, upload: str) -> dict[int, str]:
        """The parts that are there: number → ETag. Empty when there is no such upload any more."""
        found: dict[int, str] = {}
        marker = ""
        while True:
            query = {"uploadId": upload} | ({"part-number-marker": marker} if marker else {})
            try:
                _, body = self._ask("GET", name, query)
            except StoreError as error:
                if error.status == 404:
                    return {}
                raise
            root = ElementTree.fromstring(body)  # noqa: S314  (our own store's answer)
            for part in (e for e in root.iter() if _TAG.sub("", e.tag) == "Part"):
                about = {_TAG.sub("", e.tag): e.text or "" for e in part}
                found[int(about["PartNumber"])] = about["ETag"].strip('"')
            if _text(body, "IsTruncated") != "true":
                return found
            marker = _text(body, "NextPartNumberMarker")

    def put_part(self, name: str, upload: str, number: int, data: bytes) -> str:
        """One part, from number 1 on; its ETag."""
        query = {"partNumber": str(number), "uploadId": upload}
        headers, _ = self._ask("PUT", name, query, data)
        return headers.get("etag", "").strip('"')

    def finish(self, name: str, upload: str, parts: Mapping[int, str]) -> None:
        """Make the parts one object."""
        told = "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;{tag}&quot;</ETag></Part>"
            for n, tag in sorted(parts.items())
        )
        body = f"<CompleteMultipartUpload>{told}</CompleteMultipartUpload>".encode()
        _, answer = self._ask("POST", name, {"uploadId": upload}, body)
        if b"<Error" in answer:  # it may be 200 and an error all the same
            raise StoreError(f"{name} could not be completed: {_text(answer, 'Code')}", 200)

    def sha256(self, name: str) -> str:
        """Read it all back, and say what it is."""
        digest = hashlib.sha256()
        for block in self.read(name):
            digest.update(block)
        return digest.hexdigest()

    def read(self, name: str) -> Iterator[bytes]:
        """The object's bytes."""
        connection, answer = self._open("GET", name, {}, b"", {})
        try:
            if answer.status != 200:
                raise StoreError(f"{name}: {answer.status} {answer.reason}", answer.status)
            while block := answer.read(1 << 20):
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(f"{name} was not read: {error}") from None
        finally:
            connection.close()

    def make_bucket(self) -> None:
        """The bucket, unless it is there and ours."""
        try:
            self._ask("PUT", "", {})
        except StoreError as error:
            if error.status != 409:
                raise

    def _ask(
        self,
        method: str,
        name: str,
        query: Mapping[str, str],
        body: bytes = b"",
        more: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, str], bytes]:
        connection, answer = self._open(method, name, query, body, more or {})
        try:
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(f"{method} {name}: {error}") from None
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise StoreError(
                f"{method} {name}: {answer.status} {_text(said, 'Code')}", answer.status
            )
        return {k.lower(): v for k, v in answer.getheaders()}, said

    def _open(
        self,
        method: str,
        name: str,
        query: Mapping[str, str],
        body: bytes,
        more: Mapping[str, str],
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        place, url = self._place, urlsplit(self._place.url)
        path = quote(f"{url.path.rstrip('/')}/{place.bucket}" + (f"/{name}" if name else ""))
        now = dt.datetime.now(dt.UTC)
        headers = signed(place, method, path, query, hashlib.sha256(body).hexdigest(), now)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=TIMEOUT_S)
        try:
            target = f"{path}?{_query(query)}" if query else path
            connection.request(method, target, body, {**headers, **more})
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise StoreError(f"the store was not reached: {error}") from None


def _text(body: bytes, tag: str) -> str:
    """The text of the first element of that name; "" when there is none."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return ""
    return next((e.text or "" for e in root.iter() if _TAG.sub("", e.tag) == tag), "")
