"""Progress on standard error: bars on a terminal, plain lines elsewhere, nothing that a pipe would have to undo."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from dlf_resources.progress import LogReporter, Reporter, spelled

_REDRAW_SECONDS = 0.2


class Bars:
    """A bar for each stage of each bucket: count, rate, time left, and how the verdicts fall."""

    def __init__(self, console: Console):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[tally]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._began = self._drawn = 0.0

    def start(self, stage: str, bucket: str, total: int, reused: int) -> None:
        """See `Reporter`."""
        self._progress.start()
        name = f"[bold]{stage:<7}[/] {bucket}"
        tally = f"{reused} reused" if reused else ""
        self._task = self._progress.add_task(name, total=total, rate="", tally=tally)
        self._began = self._drawn = time.monotonic()

    def advance(self, stage: str, bucket: str, done: int, tally: Counter[str]) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        if self._task is None or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        rate = f"{done / max(1e-9, now - self._began):.1f}/s"
        self._progress.update(self._task, completed=done, rate=rate, tally=spelled(tally))

    def finish(self, stage: str, bucket: str, tally: Counter[str], seconds: float) -> None:
        """See `Reporter`."""
        if self._task is not None:
            total = self._progress.tasks[self._task].total or 0
            words = spelled(tally) if tally else "nothing new"
            rate = f"{total / max(1e-9, seconds):.1f}/s" if total else ""
            self._progress.update(self._task, completed=total, rate=rate, tally=words)
            self._task = None
        self._progress.stop()


def reporter() -> Reporter:
    """Bars when standard error is a terminal, else a line every five seconds."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return Bars(console)
    return LogReporter(lambda line: console.print(line, markup=False, soft_wrap=True), every_seconds=5.0)
