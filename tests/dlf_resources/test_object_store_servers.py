"""The object store of the tests is one, and its proxy fails as told: so that nobody blames the factory later."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from object_store.fault_proxy import FaultProxy
from object_store.faults import (
    Fault,
    clock_skewed,
    conflict,
    cut_download,
    cut_upload,
    flip_download,
    flip_upload,
    hang_up,
    internal_error,
    lose_answer,
    precondition_failed,
    refuse,
    slow_down,
    stall,
    stall_download,
)
from object_store.seaweed import NotStartedError, ObjectStore, seaweed
from object_store.shared import shared_seaweed
from web_servers.tls import authority, trust

PLAIN = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
"""Without checksums of its own accord, as stores beside AWS like it."""
CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with shared_seaweed(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="session")
def client(store: ObjectStore) -> Any:
    """A client that asks the store itself."""
    return store.client(**PLAIN)


@pytest.fixture(scope="session")
def bucket(store: ObjectStore) -> str:
    """One for all tests: each has keys of its own."""
    return store.bucket()


@pytest.fixture
def proxy(store: ObjectStore) -> Iterator[FaultProxy]:
    with FaultProxy(store.endpoint_url) as running:
        yield running


@contextlib.contextmanager
def refused(code: str, status: int) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def read(client: Any, bucket: str, key: str) -> bytes:
    content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def absent(client: Any, bucket: str, key: str) -> bool:
    return client.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


# the store


def test_an_object_comes_back_with_its_digest_metadata_and_time(client: Any, bucket: str) -> None:
    put = client.put_object(Bucket=bucket, Key="all/of it", Body=CONTENT, Metadata={"sha256": "ab"})
    head = client.head_object(Bucket=bucket, Key="all/of it")
    (listed,) = client.list_objects_v2(Bucket=bucket, Prefix="all/")["Contents"]
    assert read(client, bucket, "all/of it") == CONTENT
    assert {put["ETag"], head["ETag"], listed["ETag"]} == {f'"{hashlib.md5(CONTENT).hexdigest()}"'}
    assert head["Metadata"] == {"sha256": "ab"}
    assert head["ContentLength"] == listed["Size"] == len(CONTENT)
    assert abs(head["LastModified"].timestamp() - time.time()) < 5


def test_a_bucket_must_exist_and_is_always_new(store: ObjectStore, client: Any) -> None:
    assert store.bucket() != store.bucket()
    with refused("NoSuchBucket", 404):
        client.put_object(Bucket="never-made", Key="x", Body=b"")


def test_keys_are_checked(store: ObjectStore, bucket: str) -> None:
    with refused("SignatureDoesNotMatch", 403):
        replace(store, secret_key="wrong").client().list_objects_v2(Bucket=bucket)
    with refused("InvalidAccessKeyId", 403):
        replace(store, access_key="nobody").client().list_objects_v2(Bucket=bucket)
    with refused("403", 403):
        replace(store, secret_key="wrong").client().head_object(Bucket=bucket, Key="x")


def test_settings_of_the_user_do_not_reach_a_client(
    store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nmax_attempts = 9\nrequest_checksum_calculation = when_required\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "never-made")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    client = store.client()
    assert client.meta.config.request_checksum_calculation == "when_supported"
    assert client.meta.config.retries["total_max_attempts"] == 1
    client.head_bucket(Bucket=bucket)


@pytest.mark.parametrize("digests", [{"ContentMD5": digest(b"x")}, {"ChecksumSHA256": "A" * 43 + "="}])
def test_content_is_held_against_its_digest(client: Any, bucket: str, digests: dict[str, str]) -> None:
    key = f"digest/{next(iter(digests))}"
    with refused("BadDigest", 400):
        client.put_object(Bucket=bucket, Key=key, Body=CONTENT, **digests)
    assert absent(client, bucket, key)


def test_a_write_can_be_conditional(client: Any, bucket: str) -> None:
    first = client.put_object(Bucket=bucket, Key="lease", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        client.put_object(Bucket=bucket, Key="lease", Body=b"2", IfNoneMatch="*")
    client.put_object(Bucket=bucket, Key="lease", Body=b"3", IfMatch=first)
    with refused("PreconditionFailed", 412):
        client.put_object(Bucket=bucket, Key="lease", Body=b"4", IfMatch=first)
    with refused("PreconditionFailed", 412):
        client.delete_object(Bucket=bucket, Key="lease", IfMatch=first)
    assert read(client, bucket, "lease") == b"3"


def test_of_many_writers_one_is_first(store: ObjectStore, bucket: str) -> None:
    client = store.client(**PLAIN, max_pool_connections=8)

    def write(number: int) -> bool:
        try:
            client.put_object(Bucket=bucket, Key="race", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(write, range(8))].count(True) == 1


def test_an_object_can_come_in_parts(client: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "parts"}
    contents = [os.urandom(5 << 20), b"the end"]
    upload = where | {"UploadId": client.create_multipart_upload(**where)["UploadId"]}
    with refused("BadDigest", 400):
        client.upload_part(**upload, PartNumber=1, Body=contents[0], ContentMD5=digest(b"x"))
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=content)["ETag"]}
        for number, content in enumerate(contents, 1)
    ]
    etag = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")["ETag"]
    md5_of_md5s = hashlib.md5(b"".join(hashlib.md5(content).digest() for content in contents))
    assert etag == f'"{md5_of_md5s.hexdigest()}-2"'
    assert read(client, bucket, "parts") == b"".join(contents)
    upload["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
    small = client.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    with refused("PreconditionFailed", 412):
        client.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": small}]}, IfNoneMatch="*"
        )


def test_a_list_of_many_keys_comes_in_pages(client: Any, bucket: str) -> None:
    keys = [f"many/{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as threads:
        [*threads.map(lambda key: client.put_object(Bucket=bucket, Key=key, Body=b""), keys)]
    pages = [*client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/")]
    assert [len(page["Contents"]) for page in pages] == [1000, 1]
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    gone = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[:1000]]})
    assert len(gone["Deleted"]) == 1000
    assert not absent(client, bucket, "many/1000")


@pytest.mark.parametrize("name", ["a b", "a+b", "a%20b", "a%b", "it's", "größe/日本語", "a&b=c?d#e", "(x)[y]~*", "<x>"])
def test_odd_keys_are_kept_and_can_be_signed(client: Any, bucket: str, name: str) -> None:
    key = f"odd/{name}"
    client.put_object(Bucket=bucket, Key=key, Body=CONTENT[:10])
    signed = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
    answer = httpx.get(signed, headers={"Range": "bytes=1-3"}, trust_env=False)
    assert (answer.status_code, answer.content) == (206, CONTENT[1:4])
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]] == [key]
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert absent(client, bucket, key)


# where it is not S3; a test of the factory must not lean on these


def test_it_lists_what_lies_below_a_name_before_names_that_sort_before_the_slash(client: Any, bucket: str) -> None:
    for key in ("order/p/q", "order/p-1", "order/p"):
        client.put_object(Bucket=bucket, Key=key, Body=b"")

    def listed(**how: str) -> list[str]:
        return [
            entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, Prefix="order/", **how).get("Contents", [])
        ]

    assert listed() == ["order/p", "order/p/q", "order/p-1"]  # S3: p, p-1, p/q
    assert listed(StartAfter="order/p") == ["order/p-1"]  # p/q is lost


@pytest.mark.parametrize(
    ("key", "code"), [("above/../x", "InvalidRequest"), ("./x", "InvalidRequest"), ("x" * 256, "KeyTooLongError")]
)
def test_it_takes_keys_for_paths(client: Any, bucket: str, key: str, code: str) -> None:
    with refused(code, 400):
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    client.put_object(Bucket=bucket, Key="twice//x", Body=b"")
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, Prefix="twice")["Contents"]] == ["twice/x"]


def test_it_does_not_hold_content_against_the_signature(store: ObjectStore, bucket: str, proxy: FaultProxy) -> None:
    proxy.on("PUT", "unsigned", flip_upload())
    store.client(proxy.url, **PLAIN).put_object(Bucket=bucket, Key="unsigned", Body=CONTENT)
    (asked,) = proxy.requests
    assert asked.headers["x-amz-content-sha256"] == hashlib.sha256(CONTENT).hexdigest()  # S3: XAmzContentSHA256Mismatch


# the proxy


def test_without_a_fault_everything_passes(store: ObjectStore, bucket: str, proxy: FaultProxy) -> None:
    client = store.client(proxy.url)
    client.put_object(Bucket=bucket, Key="pass/größe +%", Body=CONTENT)
    assert read(client, bucket, "pass/größe +%") == CONTENT
    assert client.head_object(Bucket=bucket, Key="pass/größe +%")["ContentLength"] == len(CONTENT)
    assert client.list_objects_v2(Bucket=bucket, Prefix="pass/")["KeyCount"] == 1
    client.delete_object(Bucket=bucket, Key="pass/größe +%")
    assert [(asked.method, asked.status) for asked in proxy.requests] == [
        ("PUT", 200),
        ("GET", 200),
        ("HEAD", 200),
        ("GET", 200),
        ("DELETE", 204),
    ]
    assert proxy.requests[0].path == f"/{bucket}/pass/größe +%"
    assert proxy.requests[0].length == len(CONTENT)
    assert proxy.requests[3].query["prefix"] == "pass/"
    assert proxy.connections == 1


def test_rules_are_used_up_in_order(store: ObjectStore, bucket: str, proxy: FaultProxy) -> None:
    client = store.client(proxy.url, retries={"mode": "legacy", "total_max_attempts": 1})
    proxy.on("GET", "never", internal_error(), times=None)
    proxy.on("PUT", "rules/a", None)
    proxy.on("PUT", "rules/", slow_down(), times=2)
    always = proxy.on("*", "partNumber=2", conflict(), times=None)
    statuses = []
    for key in ("rules/a", "rules/b", "rules/a", "rules/a"):
        with contextlib.suppress(ClientError):
            client.put_object(Bucket=bucket, Key=key, Body=b"")
        statuses.append(proxy.requests[-1].status)
    assert statuses == [200, 503, 503, 200]
    for _ in range(2):
        with refused("ConditionalRequestConflict", 409):
            client.upload_part(Bucket=bucket, Key="x", UploadId="u", PartNumber=2, Body=b"")
    assert always.used == len(proxy.asked("PUT", "partNumber=2")) == 2
    proxy.clear()
    with refused("NoSuchUpload", 404):
        client.upload_part(Bucket=bucket, Key="x", UploadId="u", PartNumber=2, Body=b"")


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (slow_down(), "SlowDown", 503),
        (internal_error(), "InternalError", 500),
        (precondition_failed(), "PreconditionFailed", 412),
        (conflict(), "ConditionalRequestConflict", 409),
        (clock_skewed(), "RequestTimeTooSkewed", 403),
        (refuse(507, "Full & <done>"), "Full & <done>", 507),
    ],
)
def test_a_refusal_is_an_error_of_s3(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy, fault: Fault, code: str, status: int
) -> None:
    key = f"refused/{status}"
    through = store.client(proxy.url, **PLAIN)
    proxy.on("*", key, fault, times=3)
    with refused(code, status):
        through.put_object(Bucket=bucket, Key=key, Body=CONTENT)
    with refused(code, status):
        through.get_object(Bucket=bucket, Key=key)
    with refused(str(status), status):
        through.head_object(Bucket=bucket, Key=key)
    assert absent(client, bucket, key)
    through.put_object(Bucket=bucket, Key=key, Body=CONTENT)


@pytest.mark.parametrize("after", [None, 7])
def test_a_burst_of_refusals_ends(store: ObjectStore, bucket: str, proxy: FaultProxy, after: int | None) -> None:
    client = store.client(proxy.url, **PLAIN)
    proxy.on("PUT", "burst", slow_down(after), times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            client.put_object(Bucket=bucket, Key="burst", Body=b"")
        assert caught.value.response["ResponseMetadata"]["HTTPHeaders"].get("retry-after") == (after and str(after))
    client.put_object(Bucket=bucket, Key="burst", Body=b"")


@pytest.mark.parametrize(("fault", "share"), [(cut_upload(), 0.5), (cut_upload(0.9), 0.9), (hang_up(), 0.0)])
def test_an_upload_that_is_cut_leaves_nothing(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy, fault: Fault, share: float
) -> None:
    through = store.client(proxy.url, **PLAIN)
    proxy.on("PUT", "cut", fault)
    with pytest.raises(ConnectionClosedError):
        through.put_object(Bucket=bucket, Key=f"cut/{share}", Body=CONTENT)
    assert [(asked.status, asked.length) for asked in proxy.requests] == [(None, int(len(CONTENT) * share))]
    assert absent(client, bucket, f"cut/{share}")
    through.put_object(Bucket=bucket, Key=f"cut/{share}", Body=CONTENT)
    assert read(client, bucket, f"cut/{share}") == CONTENT


def test_a_delete_that_is_cut_deletes_nothing(store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy) -> None:
    client.put_object(Bucket=bucket, Key="kept", Body=b"")
    proxy.on("DELETE", "kept", cut_upload())
    with pytest.raises(ConnectionClosedError):
        store.client(proxy.url).delete_object(Bucket=bucket, Key="kept")
    assert not absent(client, bucket, "kept")


def test_an_upload_that_is_cut_is_tried_again_from_its_start(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy
) -> None:
    through = store.client(proxy.url, **PLAIN, retries={"mode": "standard", "total_max_attempts": 3})
    proxy.on("PUT", "again", cut_upload(), times=2)
    through.put_object(Bucket=bucket, Key="again", Body=io.BytesIO(CONTENT))
    assert [asked.status for asked in proxy.requests] == [None, None, 200]
    assert read(client, bucket, "again") == CONTENT


def test_a_download_can_be_cut_or_stall_in_its_middle(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy
) -> None:
    client.put_object(Bucket=bucket, Key="down", Body=CONTENT)
    through = store.client(proxy.url, **PLAIN, read_timeout=0.3)
    for fault, error in ((cut_download(), ResponseStreamingError), (stall_download(1.0), ReadTimeoutError)):
        proxy.on("GET", "down", fault)
        body = through.get_object(Bucket=bucket, Key="down")["Body"]
        assert body.read(len(CONTENT) // 2 - 1000) == CONTENT[: len(CONTENT) // 2 - 1000]
        with pytest.raises(error):
            body.read()
    proxy.on("GET", "down", stall_download(0.1))
    assert read(through, bucket, "down") == CONTENT


def test_a_stalled_write_is_made_although_the_client_has_gone(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy
) -> None:
    through = store.client(proxy.url, **PLAIN, read_timeout=0.3)
    proxy.on("PUT", "stalled", stall(1.0))
    with pytest.raises(ReadTimeoutError):
        through.put_object(Bucket=bucket, Key="stalled", Body=CONTENT)
    assert read(client, bucket, "stalled") == CONTENT
    proxy.on("GET", "stalled", stall(0.1))
    start = time.monotonic()
    assert read(through, bucket, "stalled") == CONTENT
    assert time.monotonic() - start > 0.1


def test_a_write_whose_answer_is_lost_is_made(store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy) -> None:
    through = store.client(proxy.url, **PLAIN)
    proxy.on("PUT", "lost", lose_answer())
    with pytest.raises(ConnectionClosedError):
        through.put_object(Bucket=bucket, Key="lost", Body=CONTENT, IfNoneMatch="*")
    assert [(asked.status, asked.length) for asked in proxy.requests] == [(None, len(CONTENT))]
    assert read(client, bucket, "lost") == CONTENT
    with refused("PreconditionFailed", 412):  # what a client that tries again is told
        through.put_object(Bucket=bucket, Key="lost", Body=CONTENT, IfNoneMatch="*")


def test_a_bit_turned_on_the_way_up_is_stored_unless_a_digest_came_along(
    store: ObjectStore, client: Any, bucket: str, proxy: FaultProxy
) -> None:
    through = store.client(proxy.url, **PLAIN)
    proxy.on("PUT", "flip-up", flip_upload(), times=2)
    through.put_object(Bucket=bucket, Key="flip-up/bare", Body=CONTENT)
    stored = read(client, bucket, "flip-up/bare")
    assert [at for at, byte in enumerate(stored) if byte != CONTENT[at]] == [len(CONTENT) // 2]
    with refused("BadDigest", 400):
        through.put_object(Bucket=bucket, Key="flip-up/md5", Body=CONTENT, ContentMD5=digest(CONTENT))
    assert absent(client, bucket, "flip-up/md5")


def test_a_bit_turned_on_the_way_down_is_for_the_client_to_see(
    store: ObjectStore, bucket: str, proxy: FaultProxy
) -> None:
    plain, checking = store.client(proxy.url, **PLAIN), store.client(proxy.url)
    checking.put_object(Bucket=bucket, Key="flip-down", Body=CONTENT)
    proxy.on("GET", "flip-down", flip_download(), times=2)
    assert read(plain, bucket, "flip-down") != CONTENT
    with pytest.raises(FlexibleChecksumError):
        read(checking, bucket, "flip-down")
    assert read(plain, bucket, "flip-down") == CONTENT


def test_nobody_listens_where_the_proxy_was(store: ObjectStore, bucket: str) -> None:
    with FaultProxy(store.endpoint_url) as proxy:
        url = proxy.url
    with pytest.raises(EndpointConnectionError):
        store.client(url).head_bucket(Bucket=bucket)


def test_a_client_waits_a_second_for_a_proxy_that_does_not_continue(
    store: ObjectStore, bucket: str, proxy: FaultProxy
) -> None:
    client = store.client(proxy.url, **PLAIN)
    proxy.continues = False
    start = time.monotonic()
    client.put_object(Bucket=bucket, Key="continue", Body=CONTENT)
    assert 0.9 < time.monotonic() - start < 5


def test_over_https_bodies_come_in_chunks_with_a_checksum_behind(
    store: ObjectStore, client: Any, bucket: str, tmp_path: Path
) -> None:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(made)
    with FaultProxy(store.endpoint_url, tls=made) as proxy:
        through = store.client(proxy.url, verify=str(trust(tmp_path)))
        through.put_object(Bucket=bucket, Key="tls", Body=io.BytesIO(CONTENT))
        assert proxy.requests[0].headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        assert read(through, bucket, "tls") == read(client, bucket, "tls") == CONTENT
        proxy.on("PUT", "tls-bad", flip_upload())
        with refused("InvalidDigest", 400):  # S3: BadDigest
            through.put_object(Bucket=bucket, Key="tls-bad", Body=CONTENT)
        proxy.on("PUT", "tls-bad", cut_upload())
        with pytest.raises(ConnectionClosedError):
            through.put_object(Bucket=bucket, Key="tls-bad", Body=CONTENT)
        assert absent(client, bucket, "tls-bad")
        proxy.on("GET", "tls", cut_download())
        with pytest.raises(HTTPClientError):
            read(through, bucket, "tls")


# one server for all


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for_end(pid: int) -> None:
    end = time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < end, "the server runs on"
        time.sleep(0.05)


def test_a_shared_server_ends_with_its_last_user_however_that_ends(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, types; from object_store.shared import shared_seaweed\n"
        "factory = types.SimpleNamespace(getbasetemp=lambda: pathlib.Path(sys.argv[1]))\n"
        "with shared_seaweed(factory) as store: print(store.pid, flush=True); sys.stdin.read()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    tests = Path(__file__).resolve().parents[1]
    users = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=tests,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    with users[0] as first, users[1] as second:
        assert first.stdout
        assert second.stdout
        pid = int(first.stdout.readline())
        assert int(second.stdout.readline()) == pid
        first.kill()
        first.wait()
        assert _alive(pid)
        second.kill()
    _wait_for_end(pid)
    assert not (tmp_path / "object_store" / "store.json").exists()


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "weed"
    program.write_text("#!/bin/sh\necho no room on this disk >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr("object_store.seaweed.binary", lambda: str(program))
    with pytest.raises(NotStartedError, match="ended with 3; its log:\nno room on this disk"), seaweed():
        pass


def test_the_log_comes_with_an_error(store: ObjectStore) -> None:
    assert "S3 API Server" in store.log_tail(10000)
