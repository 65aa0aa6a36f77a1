"""Objects over 16 MB: sent in parts, whole in the end, and no part is left behind that would cost money."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from object_store.corner import Corner
from object_store.fault_proxy import FaultProxy
from object_store.faults import (
    Fault,
    cut_upload,
    flip_upload,
    internal_error,
    lose_answer,
    refuse,
    slow_down,
)

from dlf_core.errors import StoreError
from dlf_resources.stores import s3_objects
from dlf_resources.stores.r2 import R2Store

pytest_plugins = ["object_store.fixtures"]
pytestmark = pytest.mark.usefixtures("impatient")

TABLE = "labels/label/tiny__positive.x.parquet"
PART = 5 << 20
CONTENT = random.Random(3).randbytes(1 << 20) * 10 + b"and a byte more"

Write = Callable[[R2Store, bytes], None]


@pytest.fixture(params=["from memory", "from a file"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    def upload(store: R2Store, content: bytes) -> None:
        (tmp_path / "table").write_bytes(content)
        store.upload(TABLE, tmp_path / "table")

    return upload if request.param == "from a file" else lambda store, content: store.put(TABLE, content)


@pytest.fixture
def in_parts_of_5_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest that S3 takes."""
    monkeypatch.setattr(s3_objects, "MULTIPART_BYTES", PART)


def check(corner: Corner, content: bytes) -> None:
    assert corner.read(TABLE) == content
    assert corner.head(TABLE)["Metadata"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert corner.unfinished_uploads() == []


def test_sixteen_megabytes_go_at_once_and_a_byte_more_in_two_parts(
    corner: Corner, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = bytes(16 << 20) + b"\1"
    store = corner.store(proxy.url)
    store.put(TABLE, content[:-1])
    assert [asked.length for asked in proxy.asked("PUT", TABLE)] == [16 << 20]
    (tmp_path / "table").write_bytes(content)
    store.upload(TABLE, tmp_path / "table")
    assert [asked.length for asked in proxy.asked("PUT", "partNumber")] == [16 << 20, 1]
    check(corner, content)
    assert store.size(TABLE) == len(content)
    assert store.damage(TABLE) is None
    assert store.read_range(TABLE, (16 << 20) - 1, 9) == b"\0\1"


@pytest.mark.usefixtures("in_parts_of_5_mb")
@pytest.mark.parametrize(
    ("method", "part", "fault", "times"),
    [
        ("PUT", "partNumber=2", cut_upload(), 1),
        ("PUT", "partNumber=3", lose_answer(), 1),
        ("PUT", "partNumber=1", slow_down(), 6),
        ("PUT", "partNumber=2", flip_upload(), 1),
        ("POST", "uploadId", internal_error(), 6),
        ("POST", "uploadId", lose_answer(), 1),
    ],
)
def test_what_passes_leaves_the_whole_object(
    corner: Corner, proxy: FaultProxy, method: str, part: str, fault: Fault, times: int
) -> None:
    store = corner.store(proxy.url)
    rule = proxy.on(method, part, fault, times)
    store.put(TABLE, CONTENT)
    assert rule.used == times
    check(corner, CONTENT)


@pytest.mark.usefixtures("in_parts_of_5_mb")
def test_an_upload_that_is_over_when_it_is_ended_again_has_succeeded(
    corner: Corner, proxy: FaultProxy, write: Write
) -> None:
    proxy.on("POST", "uploadId", lose_answer())
    proxy.on("POST", "uploadId", refuse(404, "NoSuchUpload"))  # as S3 says of one that is complete
    write(corner.store(proxy.url), CONTENT)
    check(corner, CONTENT)


@pytest.mark.usefixtures("in_parts_of_5_mb")
def test_an_upload_that_is_gone_is_no_success(corner: Corner, proxy: FaultProxy) -> None:
    store = corner.store(proxy.url)
    store.put(TABLE, b"old")
    proxy.on("POST", "uploadId", refuse(404, "NoSuchUpload"), None)
    with pytest.raises(StoreError, match="NoSuchUpload"):
        store.put(TABLE, CONTENT)
    assert corner.read(TABLE) == b"old"


@pytest.mark.usefixtures("in_parts_of_5_mb")
@pytest.mark.parametrize("fault", [slow_down(), refuse(400, "InvalidPart")])
def test_a_part_that_never_gets_through_leaves_the_old_bytes_and_no_parts(
    corner: Corner, proxy: FaultProxy, fault: Fault
) -> None:
    store = corner.store(proxy.url)
    store.put(TABLE, b"old")
    proxy.on("PUT", "partNumber=2", fault, None)
    with pytest.raises(StoreError, match="cannot write"):
        store.put(TABLE, CONTENT)
    assert corner.read(TABLE) == b"old"
    assert corner.unfinished_uploads() == []


@pytest.mark.usefixtures("in_parts_of_5_mb")
def test_ctrl_c_leaves_no_parts(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    store = corner.store()
    real = s3_objects._md5
    parts: list[bytes] = []

    def interrupted(content: bytes) -> str:
        parts.append(content)
        if len(parts) == 2:
            raise KeyboardInterrupt
        return real(content)

    store.put("labels/splits.json", b"{}")
    monkeypatch.setattr(s3_objects, "_md5", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(TABLE, CONTENT)
    assert corner.unfinished_uploads() == []
    assert not store.exists(TABLE)
