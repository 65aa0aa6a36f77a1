"""The protocol of a store: what holds on a disk holds in a bucket, for what is shared and for what stays here."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from object_store.corner import Corner, image_key

from dlf_core.errors import StoreConflict, StoreError
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore

pytest_plugins = ["object_store.fixtures"]

SHARED = ["raw/positive/x/a.jpg", "labels/filter/tiny__positive.x.parquet", "labels/splits.json"]
HERE = ["labels/filter/tiny__positive.x.parts/1.parquet", "dataset/dataset.json"]
ODD = [
    "raw/positive/Überfall am Zoo/é 1.jpg",
    "raw/positive/x/100%25 +plus+ %2F.jpg",
    "raw/positive/x/e\u0301\U0001f426.jpg",
    "raw/positive/x/a?b#c&d=e.jpg",
    'raw/positive/x/it\'s "his" <b>.jpg',
    "labels/filter/tiny__ä ö+%20.parquet",
]


@pytest.fixture(params=["local", "r2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "data")
    corner: Corner = request.getfixturevalue("corner")
    return corner.store(root=tmp_path / "data")


@pytest.mark.parametrize("key", [*SHARED, *HERE])
def test_what_was_put_is_got_measured_listed_and_deleted(store: Store, key: str) -> None:
    folder = key.rpartition("/")[0]
    for content in (b"\x00\xff" * 10, b"", b"new"):
        store.put(key, content, durable=False)
        assert store.get(key) == content
        assert store.path(key).read_bytes() == content
        assert store.exists(key)
        assert store.size(key) == len(content)
        assert store.sizes(folder) == {key: len(content)}
        assert list(store.list(folder)) == [key]
    store.delete(key)
    assert (store.exists(key), store.size(key), store.version(key)) == (False, None, None)
    assert (list(store.list(folder)), store.sizes(folder)) == ([], {})
    store.delete(key)


@pytest.mark.parametrize("key", [*SHARED, *HERE])
def test_nothing_under_a_key_is_one_sentence_that_names_it(store: Store, key: str) -> None:
    for read in (store.get, lambda key: store.read_range(key, 0, 4)):
        with pytest.raises(StoreError) as caught:
            read(key)
        assert store.address(key) in str(caught.value)
        assert str(caught.value).endswith(".")
    assert not store.path(key).exists()


@pytest.mark.parametrize("key", ODD)
def test_a_key_may_hold_any_letter(store: Store, key: str) -> None:
    folder = key.rpartition("/")[0]
    store.put(key, key.encode())
    assert store.get(key) == store.path(key).read_bytes() == key.encode()
    assert list(store.list(folder)) == [key]
    assert store.sizes(folder) == {key: len(key.encode())}
    assert store.read_range(key, 0, 9) == key.encode()[:9]
    store.delete(key)
    assert not store.exists(key)


def test_keys_are_listed_sorted_at_any_depth_and_nothing_beside_the_folder(store: Store) -> None:
    keys = [
        "labels/filter/b.parquet",
        "labels/filter/b.parts/10.parquet",
        "labels/filter/b.parts/2.parquet",
        "labels/filter/ä.parquet",
        "labels/filter2/a.parquet",
        "labels/reviews.json",
        "raw/y.jpg",
    ]
    for key in keys:
        store.put(key, key.encode())
    assert list(store.list("labels")) == list(store.list("labels/")) == sorted(set(keys) - {"raw/y.jpg"})
    assert list(store.list("labels/filter")) == sorted(keys[:4])
    assert store.sizes("labels/filter") == {key: len(key.encode()) for key in keys[:4]}
    assert list(store.list("raw")) == ["raw/y.jpg"]
    assert (list(store.list("raw/nothing")), store.sizes("nothing")) == ([], {})


def test_a_list_of_many_pages_is_whole(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    store = corner.store()
    names = [f"raw/positive/x/{number:02d}.jpg" for number in range(20)]
    for name in names:
        corner.write(name, b"x")
    client = store.objects._client
    monkeypatch.setattr(client, "list_objects_v2", partial(client.list_objects_v2, MaxKeys=7))
    assert list(store.list("raw/positive")) == names
    assert store.sizes("raw") == dict.fromkeys(names, 1)


@pytest.mark.parametrize("key", ["raw/../x", "raw//x.jpg", "raw/x/", "raw/./x.jpg", "labels/../x.parquet", "/x", ""])
def test_a_key_that_could_lead_out_is_refused_by_every_call(store: Store, tmp_path: Path, key: str) -> None:
    for call in (store.get, store.exists, store.delete, store.path, lambda key: store.put(key, b"x")):
        with pytest.raises(StoreError, match="is not a key of this store"):
            call(key)
    assert not list(tmp_path.rglob("x*"))


@pytest.mark.parametrize("key", ["labels/filter/t.parquet", "raw/a.jpg", "dataset/t"])
@pytest.mark.parametrize(
    ("start", "length", "found"),
    [(0, 3, b"012"), (4, 2, b"45"), (8, 5, b"89"), (10, 1, b""), (99, 5, b""), (0, 0, b""), (0, 10, b"0123456789")],
)
def test_a_range_is_some_of_the_bytes(store: Store, key: str, start: int, length: int, found: bytes) -> None:
    store.put(key, b"0123456789")
    assert store.read_range(key, start, length) == found


# versions


@pytest.mark.parametrize("key", ["labels/reviews.json", "dataset/x.json"])
def test_who_writes_on_an_old_version_is_told_and_changes_nothing(store: Store, key: str) -> None:
    first = store.put_if(key, b"one", None)
    assert first == store.version(key)
    for stale in (None, "no such version"):
        with pytest.raises(StoreConflict, match="somebody else has written it meanwhile"):
            store.put_if(key, b"other", stale)
    second = store.put_if(key, b"two", first)
    assert second == store.version(key) != first
    with pytest.raises(StoreConflict):
        store.put_if(key, b"other", first)
    assert store.get(key) == b"two"
    store.delete(key)
    with pytest.raises(StoreConflict):
        store.put_if(key, b"three", second)
    assert not store.exists(key)
    assert store.put_if(key, b"three", None) == store.version(key)


@pytest.mark.parametrize("key", ["labels/splits.json", "dataset/x"])
def test_a_version_tells_of_bytes_and_of_nothing_else(store: Store, key: str) -> None:
    assert store.version(key) is None
    seen = []
    for content in (b"one", b"two", b"one"):
        store.put(key, content)
        seen.append(store.version(key))
    assert seen[0] == seen[2] != seen[1]


def test_of_many_who_write_at_once_each_writes_on_the_last(store: Store) -> None:
    """A counter that eight threads raise by five each; what two of them write may be the same bytes."""
    key = "labels/reviews.json"
    store.put(key, b"0")

    def raise_it() -> None:
        done = 0
        while done < 5:
            version = store.version(key)
            number = int(store.get(key))
            with contextlib.suppress(StoreConflict):
                store.put_if(key, f"{number + 1}".encode(), version)
                done += 1

    threads = [threading.Thread(target=raise_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(key) == b"40"


# files


def test_a_file_written_into_its_folder_is_in_the_store_once_it_is_placed(store: Store) -> None:
    content = b"a photo"
    key = image_key(content)
    folder = store.folder("raw/positive/x")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / key.rpartition("/")[2]).write_bytes(content)
    store.placed(key)
    assert store.get(key) == store.path(key).read_bytes() == content
    assert store.sizes("raw/positive/x") == {key: len(content)}


def test_a_reader_never_sees_half_of_a_write(store: Store) -> None:
    key = "labels/filter/t.parquet"
    contents = {b"a" * 300_000, b"b" * 100_000}
    store.put(key, b"a" * 300_000)
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            for content in contents:
                store.put(key, content, durable=False)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen |= {store.get(key), store.path(key).read_bytes()}
    writer.join()
    assert seen <= contents


@pytest.mark.parametrize("spoil", [b"", b"other bytes"])
def test_an_image_that_is_not_its_name_is_damaged_and_a_whole_one_is_not(store: Store, spoil: bytes) -> None:
    content = os.urandom(5000)
    key = image_key(content)
    store.put(key, content)
    assert store.damage(key) is None
    store.put(key, spoil)
    assert store.damage(key) == "its bytes are not those of its name; delete it and gather its bucket again."
    store.delete(key)
    assert store.damage(key) == "is gone"


def test_locks_of_one_name_exclude_and_of_two_do_not(store: Store) -> None:
    def take(name: str) -> float:
        began = time.monotonic()
        with store.lock(name, wait_seconds=0.2, purpose="the work"):
            return time.monotonic() - began

    with store.lock("gather__x", wait_seconds=0, purpose="gather"):
        with pytest.raises(StoreError, match=r"^the work is being done by process \d+"):
            take("gather__x")
        take("gather__y")
    assert take("gather__x") < 2
