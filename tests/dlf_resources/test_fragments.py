"""Fragments: what a stage has finished is on disk within two seconds, and is found again in order."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dlf_core.errors import StoreError
from dlf_resources.stores.fragments import FLUSH_ROWS, Fragments
from dlf_resources.stores.local import LocalStore

KEY = "tiny__positive.x"
FOLDER = f"labels/filter/{KEY}.parts"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def fragments(store: LocalStore) -> Fragments:
    return Fragments(store, "filter", KEY)


def on_disk(store: LocalStore) -> list[str]:
    return fragments(store).read()["image_id"].to_pylist()


def until(condition: Callable[[], bool], seconds: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_full_fragment_is_flushed_at_once_and_not_before(store: LocalStore, rows: ModuleType) -> None:
    names = [f"{number:03d}" for number in range(2 * FLUSH_ROWS)]
    with fragments(store) as open_fragments:
        for name in names[: FLUSH_ROWS - 1]:
            open_fragments.append([rows.verdict(name)])
        assert list(store.list(FOLDER)) == []
        open_fragments.append([rows.verdict(names[FLUSH_ROWS - 1])])
        assert on_disk(store) == names[:FLUSH_ROWS]
        open_fragments.append([rows.verdict(name) for name in names[FLUSH_ROWS:]])
        assert on_disk(store) == names
    assert on_disk(store) == names
    assert list(store.list(FOLDER)) == open_fragments.keys
    assert len(open_fragments.keys) == 2


def test_one_row_is_on_disk_within_two_seconds_while_nothing_more_comes(store: LocalStore, rows: ModuleType) -> None:
    with fragments(store) as open_fragments:
        open_fragments.append([rows.verdict("a")])
        assert until(lambda: any(store.list(FOLDER)), 2.0) > 0.5
        assert on_disk(store) == ["a"]
        open_fragments.append([rows.verdict("b")])
    assert on_disk(store) == ["a", "b"]


def test_an_exception_flushes_what_was_finished_and_comes_out(store: LocalStore, rows: ModuleType) -> None:
    def stopped_by_the_user() -> None:
        with fragments(store) as open_fragments:
            open_fragments.append([rows.verdict("a")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_by_the_user()
    assert on_disk(store) == ["a"]


def test_nothing_appended_leaves_nothing(store: LocalStore) -> None:
    with fragments(store) as open_fragments:
        open_fragments.append([])
    assert list(store.list("labels")) == []
    assert open_fragments.keys == []


def test_a_process_killed_after_two_seconds_loses_nothing(store: LocalStore) -> None:
    root = Path(__file__).resolve().parents[2]
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from pathlib import Path; import stage_rows\n"
        "from dlf_resources.stores.fragments import Fragments; from dlf_resources.stores.local import LocalStore\n"
        f"with Fragments(LocalStore(Path(sys.argv[1])), 'filter', '{KEY}') as f:\n"
        "    f.append([stage_rows.verdict('a'), stage_rows.verdict('b')]); print('go', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(store.root), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"go\n"
            until(lambda: any(store.list(FOLDER)), 2.5)
        finally:
            process.send_signal(signal.SIGKILL)
    assert on_disk(store) == ["a", "b"]


def test_a_later_run_reads_the_fragments_in_the_order_they_were_written(store: LocalStore, rows: ModuleType) -> None:
    for run in ("z", "a", "m"):
        with fragments(store) as open_fragments:
            for part in range(12):  # more than ten: 10 must not come before 2
                open_fragments.append([rows.verdict(f"{run}{part:02d}")])
                open_fragments.flush()
    assert on_disk(store) == [f"{run}{part:02d}" for run in "zam" for part in range(12)]


def test_a_run_that_goes_on_names_old_and_new_fragments_as_its_own(store: LocalStore, rows: ModuleType) -> None:
    with fragments(store) as first:
        first.append([rows.verdict("a")])
    second = fragments(store)
    assert second.read()["image_id"].to_pylist() == ["a"]
    with second:
        second.append([rows.verdict("b")])
    assert second.keys == list(store.list(FOLDER))
    assert len(second.keys) == 2


def test_a_damaged_fragment_is_dropped_and_the_others_are_read(store: LocalStore, rows: ModuleType) -> None:
    for name in "abc":
        with fragments(store) as open_fragments:
            open_fragments.append([rows.verdict(name)])
    first, second, third = list(store.list(FOLDER))
    store.put(second, store.get(second)[:-20])
    again = fragments(store)
    assert again.read()["image_id"].to_pylist() == ["a", "c"]
    assert again.keys == [first, third]
    assert list(store.list(FOLDER)) == [first, third]


def test_a_fragment_that_cannot_be_read_just_now_is_not_thrown_away(
    store: LocalStore, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fragments(store) as open_fragments:
        open_fragments.append([rows.verdict("a")])

    def too_many_open(_: Path) -> bytes:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", too_many_open)
        with pytest.raises(StoreError, match="Too many open files"):
            fragments(store).read()
    assert on_disk(store) == ["a"]


def test_a_disk_that_fills_up_while_idle_ends_the_run_at_the_next_row(
    store: LocalStore, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run() -> None:
        with fragments(store) as open_fragments:
            open_fragments.append([rows.verdict("a")])
            until(lambda: not open_fragments._flusher.is_alive(), 3.0)
            open_fragments.append([rows.verdict("b")])
            pytest.fail("the second row was taken")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="the disk is full"):
        run()


def test_leaving_with_a_failed_flush_is_an_error_too(
    store: LocalStore, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run() -> None:
        with fragments(store) as open_fragments:
            open_fragments.append([rows.verdict("a")])
            monkeypatch.setattr(os, "replace", full)

    with pytest.raises(StoreError, match="the disk is full"):
        run()
