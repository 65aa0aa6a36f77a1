"""A Postgres of a test's own: Debian's, on loopback, gone with the test."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_USER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """One that runs."""

    binaries: Path
    port: int
    log: Path
    user: str | None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg2://dlf@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *words: str) -> None:
        """One of Postgres' own programs, as the user `dlf` of the cluster."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "dlf"]
        subprocess.run([self.binaries / program, *where, *words], check=True, capture_output=True, timeout=60)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    assert found, "the tests of a team's deployment need Postgres: apt-get install -y postgresql"
    return found[-1].parent


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster with one role and no password. Postgres does not run as root: then its own user runs it."""
    binaries, root = _binaries(), os.geteuid() == 0
    user = _USER if root else None
    folder.mkdir(parents=True)
    if root:
        shutil.chown(folder, _USER)
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    more: dict[str, Any] = {"user": user, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []} if root else {}
    data, log = folder / "data", folder / "postgres.log"
    init = [binaries / "initdb", "-D", data, "-U", "dlf", "--auth", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(init, check=True, capture_output=True, cwd=folder, **more)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **more) as process,
    ):  # type: ignore[call-overload]
        cluster = Cluster(binaries, port, log, user)
        try:
            ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            for _ in range(60):
                if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                    break
            yield cluster
        finally:
            process.terminate()
            process.wait(30)
