"""Objects of one S3 bucket, by boto3: whole or not at all, and checked on the way.

Every write carries the MD5 of its bytes, which the server compares, and their SHA-256 as metadata, which a reader
compares. botocore tries again what may pass (broken connections, timeouts, 429, 5xx).
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from dlf_core.errors import StoreConflict, StoreError
from dlf_resources.stores.local import explained as explained_disk
from dlf_resources.stores.r2_settings import R2Settings
from dlf_resources.stores.s3_errors import NotThere, code_of, explained, may_pass

MULTIPART_BYTES = 16 << 20
"""Larger objects are sent in parts of this size."""
CONNECTIONS = 32
TRIES = 4
"""Of botocore, for what may pass. It stops trying for a while when many requests fail at once; so we try again, too."""
OUTER_TRIES = 4
PATIENCE_SECONDS = 60.0
"""So long a store that has answered before may be away: many uploads at once soon use up what botocore tries again."""
CONNECT_SECONDS, READ_SECONDS = 10, 60
_SHA256, _WRITE = "sha256", "write"
_CHUNK = 1 << 20
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object; `sha256` where we wrote it, `write`, like no other's, where on condition."""

    key: str
    size: int
    etag: str
    modified: dt.datetime
    sha256: str | None = None
    write: str | None = None


class Objects:
    """The objects of a bucket.

    Args:
        settings: which, and who asks.
    """

    def __init__(self, settings: R2Settings):
        self.settings = settings
        self._has_answered = False
        self._client = _client(settings.endpoint, settings.access_key, settings.secret_key)

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            NotThere: there is none.
            StoreError: it cannot be had, or is not what was written.
        """
        return self._asked(key, "read", lambda: self._read(key))

    def _read(self, key: str) -> bytes:
        for _ in range(2):
            answer = self._client.get_object(Bucket=self.settings.bucket, Key=key)
            content = bytes(answer["Body"].read())
            if answer.get("Metadata", {}).get(_SHA256, wanted := hashlib.sha256(content).hexdigest()) == wanted:
                return content
        raise self._damaged(key)

    def download(self, key: str, target: Path, damage: Callable[[str], str | None] = lambda _: None) -> ObjectInfo:
        """Write an object to a file, atomically. Nothing happens to the file that lies there if it cannot be had.

        Args:
            key: of the object.
            target: the file.
            damage: what is wrong with bytes of a hash, as a sentence.

        Raises:
            NotThere: there is none.
            StoreError: it cannot be had, or is not what was written.
        """

        def read() -> ObjectInfo:
            said = None
            for _ in range(2):
                answer = self._client.get_object(Bucket=self.settings.bucket, Key=key)
                digest = hashlib.sha256()
                with temporary.open("wb") as out:
                    for chunk in answer["Body"].iter_chunks(_CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
                info = _info(key, answer)
                found = digest.hexdigest()
                if info.sha256 in (None, found) and (said := damage(found)) is None:
                    os.replace(temporary, target)
                    return ObjectInfo(key, info.size, info.etag, info.modified, found)
            raise self._damaged(key, said)

        temporary = target.with_name(f".tmp-{os.getpid()}-{id(read)}-{target.name}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            return self._asked(key, "read", read)
        except OSError as error:
            raise explained_disk(error, target, "write") from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def digest(self, key: str) -> tuple[str, ObjectInfo]:
        """SHA-256 of the bytes as they lie there, and what is said of them."""

        def read() -> tuple[str, ObjectInfo]:
            answer = self._client.get_object(Bucket=self.settings.bucket, Key=key)
            digest = hashlib.sha256()
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest(), _info(key, answer)

        return self._asked(key, "read", read)

    def range(self, key: str, start: int, length: int) -> bytes:
        """Some of the bytes of an object; fewer at its end."""
        wanted = f"bytes={start}-{start + length - 1}"

        def read() -> bytes:
            answer = self._client.get_object(Bucket=self.settings.bucket, Key=key, Range=wanted)
            return bytes(answer["Body"].read())

        info = self.head(key)
        if length <= 0 or info is None or start >= info.size:
            if info is None:
                raise NotThere(key)
            return b""
        return self._asked(key, "read", read)

    def put(self, key: str, content: bytes, *, condition: str | None = None) -> ObjectInfo:
        """Write an object.

        Args:
            key: of the object.
            content: its bytes.
            condition: None: whatever lies there; `*`: only if nothing does; else only if its ETag is this.

        Raises:
            StoreConflict: the condition does not hold.
            StoreError: it cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        if len(content) > MULTIPART_BYTES and condition is None:
            return self._asked(key, "write", lambda: self._put_parts(key, _parts(content), len(content), digest))
        more = {} if condition is None else {"IfNoneMatch": "*"} if condition == "*" else {"IfMatch": condition}
        this = {} if condition is None else {_WRITE: uuid.uuid4().hex}

        def write() -> ObjectInfo:
            answer = self._client.put_object(
                Bucket=self.settings.bucket,
                Key=key,
                Body=content,
                ContentMD5=_md5(content),
                Metadata={_SHA256: digest} | this,
                ContentType=_media_type(key),
                **more,
            )
            return ObjectInfo(key, len(content), _etag(answer), dt.datetime.now(dt.UTC), digest)

        try:
            return self._asked(key, "write", write)
        except StoreConflict:
            # The answer to a try that succeeded may have been lost, and the next one met what that had written.
            info = self.head(key)
            if this and info is not None and info.write == this[_WRITE]:
                return info
            raise

    def put_file(self, key: str, file: Path) -> ObjectInfo:
        """Write an object from a file; a large one is never whole in memory."""
        try:
            size = file.stat().st_size
            if size <= MULTIPART_BYTES:
                return self.put(key, file.read_bytes())
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
        except OSError as error:
            raise explained_disk(error, file, "read") from None

        def write() -> ObjectInfo:
            with file.open("rb") as source:
                return self._put_parts(key, iter(lambda: source.read(MULTIPART_BYTES), b""), size, digest)

        return self._asked(key, "write", write)

    def _put_parts(self, key: str, parts: Iterator[bytes], size: int, digest: str) -> ObjectInfo:
        where = {"Bucket": self.settings.bucket, "Key": key}
        made = self._client.create_multipart_upload(**where, Metadata={_SHA256: digest}, ContentType=_media_type(key))
        upload = made["UploadId"]
        try:
            done = []
            for number, part in enumerate(parts, start=1):
                answer = self._client.upload_part(
                    **where, UploadId=upload, PartNumber=number, Body=part, ContentMD5=_md5(part)
                )
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
            return self._completed(key, upload, done, size, digest)
        except BaseException:
            with contextlib.suppress(Exception):  # what is left of it costs money until somebody removes it
                self._client.abort_multipart_upload(**where, UploadId=upload)
            raise

    def _completed(self, key: str, upload: str, done: list[dict[str, Any]], size: int, digest: str) -> ObjectInfo:
        from botocore.exceptions import ClientError

        where = {"Bucket": self.settings.bucket, "Key": key, "UploadId": upload}
        try:
            answer = self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
        except ClientError as error:
            # The answer to a try that succeeded may have been lost, and the next one met an upload that is over.
            info = self.head(key) if code_of(error) == "NoSuchUpload" else None
            if info is None or info.sha256 != digest:
                raise
            return info
        return ObjectInfo(key, size, _etag(answer), dt.datetime.now(dt.UTC), digest)

    def head(self, key: str) -> ObjectInfo | None:
        """What is said of an object; None when there is none."""
        try:
            answer = self._asked(key, "read", lambda: self._client.head_object(Bucket=self.settings.bucket, Key=key))
        except NotThere:
            return None
        return _info(key, answer)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key begins so, by key."""
        # Page by page: a paginator of botocore that has failed once says that there are no more pages.
        asked: dict[str, Any] = {"Bucket": self.settings.bucket, "Prefix": prefix}
        while True:
            page = self._asked(prefix, "list", partial(self._client.list_objects_v2, **asked))
            for entry in page.get("Contents", ()):
                yield ObjectInfo(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        with contextlib.suppress(NotThere):
            self._asked(key, "delete", lambda: self._client.delete_object(Bucket=self.settings.bucket, Key=key))

    def signed_url(self, key: str, seconds: int) -> str:
        """An address from which anybody may read the object for so long."""
        what = {"Bucket": self.settings.bucket, "Key": key}
        return str(self._client.generate_presigned_url("get_object", Params=what, ExpiresIn=seconds))

    def now(self) -> dt.datetime:
        """The server's time: clocks of machines differ, and leases are about who was first."""
        answer = self._asked("", "list", lambda: self._client.list_objects_v2(Bucket=self.settings.bucket, MaxKeys=1))
        return _date(answer)

    def _asked(self, key: str, action: str, ask: Callable[[], Found]) -> Found:
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        # Also bodies that break off while they are read, which botocore does not ask for again.
        turns = Retrying(
            retry=retry_if_exception(may_pass),
            stop=self._gives_up,
            wait=wait_exponential(0.5, 8) + wait_random(0, 1),
            reraise=True,
        )
        try:
            found = turns(ask)
        except (BotoCoreError, ClientError, HTTPError) as error:
            raise explained(error, self.settings, key, action) from None
        self._has_answered = True
        return found

    def _gives_up(self, turn: RetryCallState) -> bool:
        # The address of one that has never answered may be wrong, and then its user should hear of it soon.
        patience = PATIENCE_SECONDS if self._has_answered else 0.0
        return turn.attempt_number >= OUTER_TRIES and (turn.seconds_since_start or 0.0) >= patience

    def _damaged(self, key: str, said: str | None = None) -> StoreError:
        where = f"{self.settings.bucket}/{key} at {self.settings.host}"
        if said is not None:
            return StoreError(f"{where}: {said}")
        way_out = "run `dlf store verify`, and restore it or run the stage that made it again"
        return StoreError(f"{where} is not what was written there; {way_out}.")


@lru_cache(maxsize=8)
def _client(endpoint: str, access_key: str, secret_key: str) -> Any:
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
        from botocore.handlers import add_expect_header
    except ModuleNotFoundError:
        raise StoreError("R2 needs boto3; run `pip install 'data-label-factory[r2]'`.") from None
    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": TRIES},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path"},
        # The MD5 we send is checked by every S3; the checksums that boto3 adds by itself are not known to all.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # Nothing from ~/.aws or AWS_PROFILE: a profile that does not exist would be an error, although keys are given.
    nobody = (None, None, os.devnull, None)
    core = botocore.session.Session(
        {"profile": (None, None, None, None), "config_file": nobody, "credentials_file": nobody}
    )
    session = boto3.session.Session(access_key, secret_key, region_name="auto", botocore_session=core)
    client = session.client("s3", endpoint_url=endpoint, config=config)
    # Where nobody answers "100 Continue", every write would wait a second for it.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


def _parts(content: bytes) -> Iterator[bytes]:
    for begin in range(0, len(content), MULTIPART_BYTES):
        yield content[begin : begin + MULTIPART_BYTES]


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _etag(answer: dict[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')


def _date(answer: dict[str, Any]) -> dt.datetime:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(dt.UTC)


def _info(key: str, answer: dict[str, Any]) -> ObjectInfo:
    told = answer.get("Metadata", {})
    modified = answer["LastModified"]
    return ObjectInfo(key, answer["ContentLength"], _etag(answer), modified, told.get(_SHA256), told.get(_WRITE))


def _media_type(key: str) -> str:
    known = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "json": "application/json"}
    return known.get(key.rpartition(".")[2], "application/octet-stream")
