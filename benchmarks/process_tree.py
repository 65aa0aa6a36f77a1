"""Wall time, CPU time and peak memory of a command with all its children. Linux only: it reads /proc.

python -m benchmarks.process_tree COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

EVERY = 0.05
# Fields of /proc/PID/stat after the name; that ends with the last bracket, and may hold anything.
_PARENT, _SESSION, _PAGES = 1, 3, 21


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took.

    Attributes:
        seconds: from before the start of the process to its end.
        cpu_seconds: user and system time of all processes that were waited for.
        peak_mb: the largest sum of resident memory over all processes. Pages that two of them share count twice.
        processes: the most there were at a time.
        output: what it printed on stdout.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    processes: int
    output: str

    def as_dict(self) -> dict[str, float]:
        """The figures, without what the command printed."""
        return {
            "wall_seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_mb": round(self.peak_mb, 1),
            "processes": self.processes,
        }


def measure(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    every: float = EVERY,
    timeout: float = 600,
) -> Measured:
    """Run a command and watch it and all its children.

    It leads a session of its own: a child whose parent is gone still counts, and nothing is left when this program is
    interrupted.

    Args:
        command: the program and its arguments.
        env: its environment; None: this program's.
        cwd: its folder; None: this program's.
        every: seconds between two looks.
        timeout: seconds after which it is ended.

    Raises:
        RuntimeError: it failed or took longer than `timeout`; the message has the end of its stderr.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        cpu, began = _cpu_of_children(), time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd, start_new_session=True
        )
        try:
            peak, processes, ended = _watch(process.pid, every, began + timeout)
            seconds = time.perf_counter() - began
        finally:
            # All of them after an interrupt, else children that outlived it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not ended:
            raise RuntimeError(f"{name} was ended after {timeout:g} s.\n{_end_of(err)}")
        if process.returncode:
            raise RuntimeError(f"{name} ended with code {process.returncode}.\n{_end_of(err)}")
        out.seek(0)
        output = out.read().decode(errors="replace")
    return Measured(seconds, _cpu_of_children() - cpu, peak / 2**20, processes, output)


def _watch(leader: int, every: float, until: float) -> tuple[int, int, bool]:
    """Most bytes and most processes until the leader ends; False when it did not in time."""
    peak = most = 0
    handle = os.pidfd_open(leader)
    try:
        while time.perf_counter() < until:
            sizes = _sizes(leader)
            peak, most = max(peak, sum(sizes)), max(most, len(sizes))
            if select.select([handle], [], [], every)[0]:
                return peak, most, True
    finally:
        os.close(handle)
    return peak, most, False


def _sizes(leader: int) -> list[int]:
    """Resident bytes of each process of the leader's session, and of those they started in another."""
    found: dict[int, tuple[int, int, int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it ended meanwhile
                fields = (Path(entry.path) / "stat").read_bytes().rpartition(b")")[2].split()
                found[int(entry.name)] = int(fields[_PARENT]), int(fields[_SESSION]), int(fields[_PAGES])
    members = {pid for pid, (_, session, _) in found.items() if session == leader}
    more = members
    while more:
        more = {pid for pid, (parent, _, _) in found.items() if parent in more} - members
        members |= more
    page = os.sysconf("SC_PAGE_SIZE")
    return [found[pid][2] * page for pid in members]


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _end_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")[-2000:]


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit((__doc__ or "").strip())
    measured = measure(sys.argv[1:])
    print(measured.output, end="")
    print(json.dumps(measured.as_dict()))


if __name__ == "__main__":
    main()
