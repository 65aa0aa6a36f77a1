"""LocalStore: bytes under keys, written whole or not at all, and errors that name the way out."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dlf_core.errors import StoreError
from dlf_resources.stores.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "data")


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_what_was_put_is_got_listed_and_deleted(store: LocalStore) -> None:
    store.put("raw/positive/x/a.jpg", b"\x00\xff")
    assert store.exists("raw/positive/x/a.jpg")
    assert store.get("raw/positive/x/a.jpg") == b"\x00\xff"
    assert store.path("raw/positive/x/a.jpg").read_bytes() == b"\x00\xff"
    store.put("raw/positive/x/a.jpg", b"new", durable=False)
    assert store.get("raw/positive/x/a.jpg") == b"new"
    store.delete("raw/positive/x/a.jpg")
    assert not store.exists("raw/positive/x/a.jpg")
    store.delete("raw/positive/x/a.jpg")
    assert everything(store.root) == []


def test_keys_are_listed_sorted_at_any_depth_and_nothing_beside_the_folder(store: LocalStore) -> None:
    for key in ("labels/b.parquet", "labels/a.parts/2", "labels/a.parts/10", "labels2/x", "raw/y"):
        store.put(key, b"x")
    assert list(store.list("labels")) == ["labels/a.parts/10", "labels/a.parts/2", "labels/b.parquet"]
    assert list(store.list("labels/")) == list(store.list("labels"))
    assert list(store.list("nothing")) == []


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "/", ".", "..", "a/./b"]
)
def test_a_key_that_could_lead_out_is_refused_by_every_call(store: LocalStore, key: str) -> None:
    for call in (store.get, store.exists, store.delete, store.path, lambda key: store.put(key, b"x")):
        with pytest.raises(StoreError, match="is not a key of this store"):
            call(key)
    assert not store.root.exists()


def test_a_missing_key_names_its_file(store: LocalStore) -> None:
    with pytest.raises(StoreError) as caught:
        store.get("labels/gone.parquet")
    assert str(caught.value) == f"{store.root}/labels/gone.parquet: cannot read: No such file or directory."


def test_a_reader_never_sees_half_a_file(store: LocalStore) -> None:
    contents = {b"a" * 3_000_000, b"b" * 1_000_000}
    store.put("x/table", b"a" * 3_000_000)
    done = threading.Event()

    def write() -> None:
        for _ in range(25):
            for content in contents:
                store.put("x/table", content, durable=False)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(store.get("x/table"))
    writer.join()
    assert seen <= contents
    assert everything(store.root) == ["x/table"]


def test_an_error_while_writing_leaves_the_old_file_and_no_temporary_one(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("x/table", b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            with pytest.raises(StoreError, match=r"x/table: cannot write: Input/output error\.$"):
                store.put("x/table", b"new")
        assert store.get("x/table") == b"old"
        assert everything(store.root) == ["x/table"]


def test_an_interrupted_write_leaves_no_temporary_file(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.put("x/table", b"new")
    assert everything(store.root) == []


def check_full_disk(error: StoreError, file: Path) -> None:
    assert str(error) == (
        f"{file}: the disk is full; free some space or move the data with data_root or DLF_DATA_ROOT. "
        "What was computed is kept; run the same command again."
    )


def test_a_full_disk_names_the_way_out_and_keeps_what_was_there(tiny_disk: Path) -> None:
    store = LocalStore(tiny_disk)
    store.put("x/table", b"old")
    with pytest.raises(StoreError) as caught:
        store.put("x/table", b"n" * 1_000_000)
    check_full_disk(caught.value, tiny_disk / "x" / "table")
    assert everything(tiny_disk) == ["x/table"]
    store.put("x/other", b"n" * 100_000)  # the space of the failed write is free again
    assert store.get("x/table") == b"old"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_found_full_only_when_it_syncs_says_the_same(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as caught:
        store.put("x/table", b"new")
    check_full_disk(caught.value, store.root / "x" / "table")
    assert everything(store.root) == []


def test_a_root_that_may_not_be_written_names_the_settings(
    public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    public_folder.chmod(0o555)
    store = LocalStore(public_folder / "data")
    way_out = r"cannot write \(Permission denied\); choose a writable data_root in the YAML or set DLF_DATA_ROOT\.$"
    with as_nobody():
        with pytest.raises(StoreError, match=way_out):
            store.put("x/table", b"new")
        with pytest.raises(StoreError, match=way_out), store.lock("gather", wait_seconds=0, purpose="x"):
            pass


def test_a_file_where_the_root_should_be_names_the_settings(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    with pytest.raises(StoreError, match=r"choose a writable data_root in the YAML or set DLF_DATA_ROOT\.$"):
        LocalStore(tmp_path / "data").put("x/table", b"new")


def test_unfinished_writes_of_others_are_not_listed_and_old_ones_go(store: LocalStore) -> None:
    store.put("x/table", b"whole")
    young, old = store.root / "x" / ".tmp-1-aa", store.root / "x" / ".tmp-2-bb"
    for file in (young, old):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert list(store.list("x")) == ["x/table"]
    assert everything(store.root) == ["x/.tmp-1-aa", "x/table"]


def test_deleting_the_last_file_removes_its_folder_and_only_then(store: LocalStore) -> None:
    store.put("labels/key.parts/1", b"x")
    store.put("labels/key.parts/2", b"x")
    store.delete("labels/key.parts/1")
    assert store.path("labels/key.parts").is_dir()
    store.delete("labels/key.parts/2")
    assert not store.path("labels/key.parts").exists()
    assert store.path("labels").is_dir()
