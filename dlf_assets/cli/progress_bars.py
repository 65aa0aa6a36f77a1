"""Progress on standard error: bars on a terminal, plain lines elsewhere, nothing that a pipe would have to undo."""

from __future__ import annotations

import threading
import time
from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from dlf_resources.progress import LogReporter, Reporter, spelled

_REDRAW_SECONDS = 0.2
_NOTE_SECONDS = 10.0
_NAME_WIDTH = 24


class Bars:
    """A bar for each stage of each bucket: count, rate, time left, and how the verdicts fall."""

    def __init__(self, console: Console):
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._searches: dict[tuple[str, str], TaskID] = {}
        self._searching: Progress | None = None
        self._lock = threading.Lock()
        self._noted = ""
        self._began = self._drawn = self._told = 0.0

    def searching(self, source: str, line: str, most: int | None) -> None:
        """See `Reporter`."""
        with self._lock:
            if self._searching is None:
                self._searching = Progress(
                    TextColumn("{task.description}"),
                    BarColumn(bar_width=24),
                    TextColumn("{task.completed:>5} found"),
                    TextColumn("[dim]{task.fields[how]}"),
                    console=self._console,
                )
                self._searching.start()
            name = f"[bold]{'search':<7}[/] {escape(f'{source}: {line}'):<{_NAME_WIDTH}}"
            self._searches[source, line] = self._searching.add_task(name, total=most, how="")

    def found(self, source: str, line: str, count: int) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        if self._searching is not None and (source, line) in self._searches and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._searching.update(self._searches[source, line], completed=count)

    def searched(self, source: str, line: str, count: int, how: str) -> None:
        """See `Reporter`."""
        if self._searching is not None and (source, line) in self._searches:
            # The bar of a search that found less than it might have is full all the same.
            shown = "" if how == "answered" else how
            self._searching.update(self._searches[source, line], completed=count, total=max(count, 1), how=shown)

    def start(self, stage: str, bucket: str, total: int, reused: int) -> None:
        """See `Reporter`."""
        self.close()
        # One `Progress` a bar: a live display that is started again prints its finished bars again.
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[tally]}"),
            console=self._console,
        )
        self._progress.start()
        name = f"[bold]{stage:<7}[/] {escape(bucket):<{_NAME_WIDTH}}"
        tally = f"{reused} reused" if reused else ""
        self._task = self._progress.add_task(name, total=total, rate="", tally=tally)
        self._began = self._drawn = time.monotonic()

    def advance(self, stage: str, bucket: str, done: int, tally: Counter[str]) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        if self._progress is None or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        rate = f"{done / max(1e-9, now - self._began):.1f}/s"
        self._progress.update(self._task, completed=done, rate=rate, tally=spelled(tally))

    def finish(self, stage: str, bucket: str, tally: Counter[str], seconds: float) -> None:
        """See `Reporter`."""
        if self._progress is None:
            return
        total = self._progress.tasks[0].total or 0
        words = spelled(tally) if tally else "nothing new"
        rate = f"{total / max(1e-9, seconds):.1f}/s" if total else ""
        self._progress.update(self._task, completed=total, rate=rate, tally=words)
        self.close()

    def note(self, text: str) -> None:
        """See `Reporter`."""
        if self._progress is not None:
            self._progress.update(self._task, tally=escape(text))
            return
        now, what = time.monotonic(), text.split(":")[0]
        if what != self._noted or now - self._told >= _NOTE_SECONDS:
            self._noted, self._told = what, now
            self._console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was; a stage that failed has no `finish`."""
        if self._searching is not None:
            self._searching.stop()
            self._searching = None
            self._searches.clear()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def reporter() -> Reporter:
    """Bars when standard error is a terminal that can redraw, else a line every five seconds."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return Bars(console)
    return LogReporter(lambda line: console.print(line, markup=False, soft_wrap=True), every_seconds=5.0)
