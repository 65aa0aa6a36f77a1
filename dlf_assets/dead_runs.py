"""Runs of the CLI whose process was killed: they would hold their pool slot, and stay "started", for ever.

Dagster watches over the runs its own launcher started. A run inside the CLI's process leaves a tag with the process's
number and start; when that process is gone, the run is ended here and its slots are freed.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "dlf/process"
_UNFINISHED = [
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tag(run_id: str) -> str:
    """`host:pid:start:run` of a run in this process.

    The run's own id is part of it, because "Re-execute" in the UI copies tags to runs that live elsewhere.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{run_id}"


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail unfinished CLI runs of this host whose process is gone; free their pool slots.

    Returns:
        The ids of the runs ended.
    """
    ended: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED), limit=1000):
        tag = run.tags.get(PROCESS_TAG)
        if tag is None:
            continue
        host, pid, started, run_id = tag.rsplit(":", 3)
        if run_id != run.run_id or host != socket.gethostname() or _started(int(pid)) == started:
            continue
        instance.report_run_failed(run, message=f"Process {pid}, in which this run worked, has ended.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(run.run_id)
    return ended


def _started(pid: int) -> str:
    """What tells a process from a later one with the same number; empty when there is no such process."""
    try:
        # Linux: field 22 of /proc/<pid>/stat is the start time; fields are counted behind the command's `)`.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
