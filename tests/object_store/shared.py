"""One SeaweedFS for all workers of a test run.

Whoever uses it holds a shared lock on a file, and a process beside them (this module, run by `-m`) starts the server
and waits for the exclusive one. The kernel gives that when the last user has left or died, however it died; then the
server is killed. Nothing is counted, so nothing is miscounted.

| file in the folder | what it is |
|---|---|
| `start.lock` | held by who looks whether the server runs, and starts it |
| `users` | locked, shared, by who uses it; exclusively by the keeper that ends it |
| `store.json` | how it is reached; there as long as it runs |
| `keeper.log` | what the keeper has to say when it fails |
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from object_store.seaweed import NotStartedError, ObjectStore, seaweed

_TESTS = Path(__file__).resolve().parents[1]
_keepers: list[subprocess.Popen[bytes]] = []
"""Started by this process; they may outlive it."""


@contextlib.contextmanager
def shared_seaweed(factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The server of this test run: started by the first worker that asks, ended when the last one leaves."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "object_store"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("ab") as users:
        with FileLock(folder / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (folder / "store.json").exists():
                _start(folder)
            store = ObjectStore(**json.loads((folder / "store.json").read_text()))
        yield store


def _start(folder: Path, seconds: float = 120.0) -> None:
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "object_store.shared", str(folder)],
            cwd=_TESTS,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the workers; it ends after them
        )
    _keepers.append(keeper)
    end = time.monotonic() + seconds
    while not (folder / "store.json").exists():
        if keeper.poll() is not None or time.monotonic() > end:
            raise NotStartedError((folder / "keeper.log").read_text(errors="replace"))
        time.sleep(0.05)


def keep(folder: Path) -> None:
    """Run the server until nobody uses it."""
    # The lock is let go after the server has ended: who comes then finds none, and starts one.
    with (folder / "users").open("ab") as users, seaweed() as store:
        fresh = folder / "store.json.new"
        fresh.write_text(json.dumps(asdict(store)))
        os.replace(fresh, folder / "store.json")
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / "store.json").unlink()


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
