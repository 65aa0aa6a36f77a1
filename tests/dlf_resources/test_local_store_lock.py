"""LocalStore.lock between real processes: one at a time, the others wait or are told who; a dead holder is none."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlf_core.errors import PartitionBusy, StoreError
from dlf_resources.stores.local import LocalStore

NAME = "label/tiny__positive.x"
HOLD = """
import sys, time
from pathlib import Path
from dlf_resources.stores.local import LocalStore

with LocalStore(Path(sys.argv[1])).lock(sys.argv[2], wait_seconds=5, purpose="test"):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""

Hold = Callable[[float], "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Start a process that holds the lock for so many seconds; returns when it has it."""
    started: list[subprocess.Popen[str]] = []

    def start(seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(tmp_path), NAME, str(seconds)]
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def take(root: Path, wait_seconds: float, name: str = NAME) -> float:
    """Take and leave the lock; how long it took."""
    began = time.monotonic()
    with LocalStore(root).lock(name, wait_seconds=wait_seconds, purpose="label of bucket 'positive/x'"):
        return time.monotonic() - began


def test_a_second_process_waits_for_the_first(tmp_path: Path, hold: Hold) -> None:
    holder = hold(0.7)
    waited = take(tmp_path, 10)
    assert holder.wait(5) == 0
    assert 0.3 < waited < 5


def test_who_has_waited_long_enough_is_told_the_holders_pid_and_what_to_do(tmp_path: Path, hold: Hold) -> None:
    holder = hold(60)
    began = time.monotonic()
    with pytest.raises(PartitionBusy) as caught:
        take(tmp_path, 0.4)
    assert 0.4 <= time.monotonic() - began < 3
    said = str(caught.value)
    assert said.startswith(f"label of bucket 'positive/x' is being done by process {holder.pid} (for ")
    assert said.endswith("Let it finish or stop it, then run this again.")


def test_a_killed_holder_frees_the_lock(tmp_path: Path, hold: Hold) -> None:
    holder = hold(60)
    holder.send_signal(signal.SIGKILL)
    assert holder.wait(5) == -signal.SIGKILL
    assert take(tmp_path, 0) < 1


def test_a_live_holder_after_a_killed_one_is_named_and_not_the_dead(tmp_path: Path, hold: Hold) -> None:
    dead = hold(60)
    dead.kill()
    dead.wait(5)
    alive = hold(60)
    with pytest.raises(PartitionBusy, match=f"by process {alive.pid} "):
        take(tmp_path, 0)


def test_other_names_are_other_locks(tmp_path: Path, hold: Hold) -> None:
    hold(60)
    assert take(tmp_path, 0, "verify/tiny__positive.x") < 1
    assert take(tmp_path, 0, "label/tiny__positive.y") < 1


def test_within_one_process_the_lock_counts_too(tmp_path: Path) -> None:
    with LocalStore(tmp_path).lock(NAME, wait_seconds=0, purpose="x"), pytest.raises(PartitionBusy):
        take(tmp_path, 0.1)
    assert take(tmp_path, 0) < 1


def test_an_error_inside_frees_the_lock_and_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), LocalStore(tmp_path).lock(NAME, wait_seconds=0, purpose="x"):
        raise FileNotFoundError("mine")
    assert take(tmp_path, 0) < 1


def test_a_damaged_note_of_the_holder_still_says_that_it_is_busy(tmp_path: Path) -> None:
    with LocalStore(tmp_path).lock(NAME, wait_seconds=0, purpose="x"):
        (note,) = tmp_path.rglob("*.holder.json")
        note.write_text("{half")
        with pytest.raises(PartitionBusy, match="is being done by another process; waited 0 s"):
            take(tmp_path, 0)


def test_a_lock_name_may_not_lead_out(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a key of this store"):
        take(tmp_path / "data", 0, "../../escaped")
    assert list(tmp_path.rglob("*.lock")) == []
