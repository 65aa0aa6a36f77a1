"""Faults that pass, between us and the bucket: the right bytes in the end, and nobody hears of it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

import pytest
from object_store.corner import Corner, image_key
from object_store.fault_proxy import FaultProxy
from object_store.faults import (
    Fault,
    conflict,
    cut_download,
    cut_upload,
    flip_download,
    flip_upload,
    hang_up,
    internal_error,
    lose_answer,
    precondition_failed,
    slow_down,
    stall,
    stall_download,
)

from dlf_core.errors import StoreConflict, StoreError
from dlf_resources.stores.r2 import R2Store

pytest_plugins = ["object_store.fixtures"]
pytestmark = pytest.mark.usefixtures("impatient")

CONTENT = random.Random(1).randbytes(90_000)
IMAGE = image_key(CONTENT)
TABLE = "labels/filter/tiny__positive.x.parquet"
BURST = 6
"""More than one round of botocore's tries: it gives up, and is asked again."""
UPLOADS = {
    "hang up": (hang_up(), 2),
    "cut at the start": (cut_upload(0.01), 2),
    "cut in the middle": (cut_upload(0.5), 2),
    "cut at the end": (cut_upload(0.99), BURST),
    "answer lost": (lose_answer(), 1),
    "answers lost": (lose_answer(), BURST),
    "503 burst": (slow_down(), BURST),
    "503 with Retry-After": (slow_down(retry_after=1), BURST),
    "500": (internal_error(), BURST),
    "bit flipped": (flip_upload(), 1),
}
DOWNLOADS = {
    "hang up": (hang_up(), BURST),
    "answer lost": (lose_answer(), BURST),
    "no byte": (cut_download(0.0), 2),
    "half": (cut_download(0.5), 3),
    "503 burst": (slow_down(), BURST),
    "500": (internal_error(), BURST),
    "bit flipped": (flip_download(), 1),
}


def each(faults: dict[str, tuple[Fault, int]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("fault", "times"), faults.values(), ids=faults)


@pytest.fixture
def store(corner: Corner, proxy: FaultProxy) -> R2Store:
    store = corner.store(proxy.url)
    store.put("labels/splits.json", b"{}")  # what is asked once, about whose the prefix is, has been asked
    proxy.requests.clear()
    return store


@each(UPLOADS)
def test_a_write_lands_whole(corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault, times: int) -> None:
    corner.write(TABLE, b"the old bytes")
    rule = proxy.on("PUT", TABLE, fault, times)
    store.put(TABLE, CONTENT)
    assert rule.used == times
    assert corner.read(TABLE) == CONTENT
    assert corner.head(TABLE)["Metadata"] == {"sha256": hashlib.sha256(CONTENT).hexdigest()}


@pytest.mark.parametrize("fault", [cut_upload(), lose_answer(), slow_down()])
def test_a_placed_file_lands_whole(corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault) -> None:
    folder = store.folder("raw/positive/x")
    folder.mkdir(parents=True)
    (folder / IMAGE.rpartition("/")[2]).write_bytes(CONTENT)
    rule = proxy.on("PUT", IMAGE, fault, BURST)
    store.placed(IMAGE)
    assert rule.used == BURST
    assert corner.read(IMAGE) == CONTENT


@each(UPLOADS)
def test_a_write_on_condition_is_no_conflict_with_itself(
    corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault, times: int
) -> None:
    key = "labels/decisions.json"
    version = None
    for content in (CONTENT, CONTENT[::-1]):
        rule = proxy.on("PUT", key, fault, times)
        version = store.put_if(key, content, version)
        assert rule.used == times
        assert corner.read(key) == content
        assert version == store.version(key)


@pytest.mark.parametrize("fault", [precondition_failed(), conflict()])
def test_a_conflict_that_is_none_of_ours_is_told(
    corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault
) -> None:
    version = store.put_if("labels/decisions.json", b"old", None)
    proxy.on("PUT", "decisions", fault)
    with pytest.raises(StoreConflict, match="somebody else has written it meanwhile"):
        store.put_if("labels/decisions.json", b"new", version)
    assert corner.read("labels/decisions.json") == b"old"


@pytest.mark.parametrize("fault", [precondition_failed(), conflict()])
def test_a_write_that_the_store_refused_is_none_although_nobody_asked_for_a_condition(
    corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault
) -> None:
    store.put(TABLE, b"old")
    proxy.on("PUT", TABLE, fault, None)
    with pytest.raises(StoreError):
        store.put(TABLE, b"new")
    assert corner.read(TABLE) == b"old"


def test_whoever_wrote_the_same_bytes_first_is_still_somebody_else(corner: Corner, store: R2Store) -> None:
    version = store.put_if("labels/decisions.json", b"old", None)
    corner.store().put_if("labels/decisions.json", b"new", version)
    with pytest.raises(StoreConflict):
        store.put_if("labels/decisions.json", b"new", version)


@each(DOWNLOADS)
@pytest.mark.parametrize(("read", "key"), [("get", TABLE), ("path", IMAGE)])
def test_a_read_gives_the_bytes_that_were_written(
    corner: Corner, proxy: FaultProxy, store: R2Store, key: str, read: str, fault: Fault, times: int
) -> None:
    corner.store().put(key, CONTENT)
    rule = proxy.on("GET", key, fault, times)
    found = store.get(key) if read == "get" else store.path(key).read_bytes()
    assert rule.used == times
    assert found == CONTENT


@pytest.mark.parametrize("read", ["get", "path"])
def test_a_body_that_stops_coming_is_asked_for_again(
    corner: Corner, proxy: FaultProxy, reads_within: Callable[[float], None], read: str
) -> None:
    corner.store().put(TABLE, CONTENT)
    reads_within(0.4)
    store = corner.store(proxy.url)
    rule = proxy.on("GET", TABLE, stall_download(3))
    found = store.get(TABLE) if read == "get" else store.path(TABLE).read_bytes()
    assert rule.used == 1
    assert found == CONTENT


def test_a_write_whose_answer_comes_too_late_is_written_again(
    corner: Corner, proxy: FaultProxy, reads_within: Callable[[float], None]
) -> None:
    reads_within(0.4)
    store = corner.store(proxy.url)
    proxy.on("PUT", "decisions", stall(3))
    version = store.put_if("labels/decisions.json", CONTENT, None)
    assert len(proxy.asked("PUT", "decisions")) == 2
    assert corner.read("labels/decisions.json") == CONTENT
    assert version == store.version("labels/decisions.json")


@pytest.mark.parametrize("fault", [hang_up(), lose_answer(), slow_down(), internal_error(), cut_download(0.5)])
def test_a_list_is_never_shorter_than_what_lies_there(
    corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault
) -> None:
    keys = [f"raw/positive/x/{number}.jpg" for number in range(5)]
    for key in keys:
        corner.write(key, b"x")
    rule = proxy.on("GET", "list-type=2", fault, BURST)
    assert list(store.list("raw")) == keys
    assert rule.used == BURST
    proxy.on("GET", "list-type=2", fault)
    assert store.sizes("raw/positive/x") == dict.fromkeys(keys, 1)


@pytest.mark.parametrize("fault", [lose_answer(), slow_down()])
def test_questions_and_removals_are_asked_again(
    corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault
) -> None:
    corner.write(TABLE, CONTENT)
    for method in ("HEAD", "DELETE"):
        proxy.on(method, TABLE, fault, BURST)
    proxy.on("GET", TABLE, fault, BURST)
    assert store.size(TABLE) == len(CONTENT)
    assert store.read_range(TABLE, 5, 10) == CONTENT[5:15]
    store.delete(TABLE)
    assert corner.objects().keys() == {"labels/.project", "labels/splits.json"}


@pytest.mark.parametrize("fault", [lose_answer(), slow_down()])
def test_a_lock_is_taken_and_left_all_the_same(corner: Corner, proxy: FaultProxy, store: R2Store, fault: Fault) -> None:
    for method in ("PUT", "HEAD", "DELETE"):
        proxy.on(method, ".locks", fault, BURST)
    with store.lock("gather__x", wait_seconds=0, purpose="gather"):
        with pytest.raises(StoreError), corner.store().lock("gather__x", wait_seconds=0, purpose="gather"):
            pass
        assert "labels/.locks/gather__x.json" in corner.objects()
    assert "labels/.locks/gather__x.json" not in corner.objects()


def test_a_bit_that_turned_on_the_way_down_is_no_damage(corner: Corner, proxy: FaultProxy, store: R2Store) -> None:
    for key in (IMAGE, TABLE):
        store.put(key, CONTENT)
        rule = proxy.on("GET", key, flip_download())
        assert store.damage(key) is None
        assert rule.used == 1
