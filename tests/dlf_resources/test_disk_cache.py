"""The disk cache: copies up to a size, the oldest go first, and nothing that somebody is about to open."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from object_store.corner import Corner, image_key

from dlf_core.errors import StoreError
from dlf_resources.stores import disk_cache
from dlf_resources.stores.disk_cache import DiskCache

pytest_plugins = ["object_store.fixtures"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fill(cache: DiskCache, key: str, size: int = 100, minutes_ago: float = 60) -> Path:
    def write(file: Path) -> None:
        file.write_bytes(bytes(size))
        used = time.time() - 60 * minutes_ago
        os.utime(file, (used, used))

    return cache.fill(key, write)


def left(cache: DiskCache) -> list[str]:
    return sorted(file.relative_to(cache.folder).as_posix() for file in cache.folder.rglob("*") if file.is_file())


def test_what_was_filled_is_used_until_it_is_removed(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    assert cache.used("raw/x/a.jpg") is None
    assert fill(cache, "raw/x/a.jpg") == cache.used("raw/x/a.jpg") == cache.path("raw/x/a.jpg")
    cache.remove("raw/x/a.jpg")
    cache.remove("raw/x/a.jpg")
    assert cache.used("raw/x/a.jpg") is None
    assert left(cache) == []


def test_up_to_its_size_it_keeps_everything(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    for number in range(10):
        fill(cache, f"raw/{number}")
    assert len(left(cache)) == 10


def test_above_it_what_was_used_longest_ago_goes_until_a_tenth_is_free(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    for number in range(10):
        fill(cache, f"raw/{number}", minutes_ago=20 + number)
    fill(cache, "raw/new", minutes_ago=15)
    assert left(cache) == ["raw/0", "raw/1", "raw/2", "raw/3", "raw/4", "raw/5", "raw/6", "raw/7", "raw/new"]


def test_what_is_used_becomes_the_youngest(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    for number in range(10):
        fill(cache, f"raw/{number}", minutes_ago=20 + number)
    assert cache.used("raw/9") is not None
    fill(cache, "raw/new")
    assert "raw/9" in left(cache)
    assert "raw/8" not in left(cache)


def test_whatever_was_used_in_the_last_ten_minutes_stays_however_much_it_is(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    for number in range(30):
        fill(cache, f"raw/{number}", minutes_ago=9)
    assert len(left(cache)) == 30


def test_a_cache_in_which_nothing_may_go_is_not_looked_through_for_every_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[Path] = []
    real = os.walk
    monkeypatch.setattr(os, "walk", lambda top: walks.append(top) or real(top))
    cache = DiskCache(folder, 1000)
    for number in range(200):
        fill(cache, f"raw/{number}", minutes_ago=1)
    assert len(walks) < 10


def test_one_that_is_larger_than_all_of_it_is_there_for_whoever_asked(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    fill(cache, "raw/old")
    file = fill(cache, "labels/table", 5000, minutes_ago=0)
    assert file.stat().st_size == 5000
    assert left(cache) == ["labels/table"]


def test_another_process_sees_the_files_and_counts_them(folder: Path) -> None:
    first = DiskCache(folder, 1000)
    for number in range(10):
        fill(first, f"raw/{number}", minutes_ago=20 + number)
    second = DiskCache(folder, 1000)
    assert second.used("raw/0") is not None
    fill(second, "raw/new")
    assert len(left(second)) == 9


def test_halves_that_a_killed_process_left_count_and_go(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    half = fill(cache, "raw/.tmp-1-2-a.jpg", 900, minutes_ago=600)
    fill(cache, "raw/a", 300, minutes_ago=20)
    assert not half.exists()
    assert left(cache) == ["raw/a"]


def test_a_file_that_went_while_others_were_counted_is_no_error(folder: Path) -> None:
    cache = DiskCache(folder, 1000)
    for number in range(3):
        fill(cache, f"raw/{number}")
    for file in (folder / "raw").iterdir():
        file.unlink()
    fill(cache, "raw/a", 900)
    fill(cache, "raw/b", 900, minutes_ago=0)
    assert left(cache) == ["raw/b"]


def test_many_threads_fill_it_at_once_and_it_stays_within_its_size(folder: Path) -> None:
    cache = DiskCache(folder, 1000)

    def work(name: str) -> None:
        for number in range(20):
            fill(cache, f"raw/{name}/{number}", minutes_ago=20)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(left(cache)) <= 10


def test_what_does_not_come_leaves_no_file(folder: Path) -> None:
    cache = DiskCache(folder, 1000)

    def fail(_: Path) -> None:
        raise StoreError("the store is away.")

    with pytest.raises(StoreError, match=r"the store is away\."):
        cache.fill("raw/a", fail)
    assert left(cache) == []
    assert cache.used("raw/a") is None


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(StoreError, match=r"cannot write .* set DLF_DATA_ROOT\.$"):
        fill(DiskCache(tmp_path / "cache", 1000), "raw/a")


def test_a_full_disk_is_one_sentence(folder: Path) -> None:
    def full(_: Path) -> None:
        Path("/dev/full").write_bytes(bytes(100_000))

    with pytest.raises(StoreError, match="the disk is full"):
        DiskCache(folder, 1000).fill("raw/a", full)


def test_a_store_keeps_no_more_copies_than_it_may_and_gives_all_the_same(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_cache, "_KEPT_SECONDS", 0.0)
    contents = {f"labels/filter/{number}.parquet": bytes([number]) * 1000 for number in range(20)}
    store = corner.store(root=corner.folder / "here", cache_bytes=5000)
    for key, content in contents.items():
        store.put(key, content)
    for _ in range(2):
        assert {key: store.path(key).read_bytes() for key in contents} == contents
    assert sum(file.stat().st_size for file in (corner.folder / "here").rglob("*") if file.is_file()) <= 5000


def test_images_that_are_gathered_count_too(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_cache, "_KEPT_SECONDS", 0.0)
    store = corner.store(cache_bytes=5000)
    for number in range(10):
        content = bytes([number]) * 1000
        file = store.folder("raw/positive/x") / image_key(content).rpartition("/")[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        store.placed(image_key(content))
    assert len(list(store.folder("raw/positive/x").iterdir())) <= 5
    assert len(list(store.list("raw"))) == 10
