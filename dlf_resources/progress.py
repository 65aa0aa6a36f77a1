"""Who is told how far a stage is. The CLI shows bars; a run of the Dagster UI gets a log line every ten seconds."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol


class Reporter(Protocol):
    """Told of every stage of every bucket."""

    def start(self, stage: str, bucket: str, total: int, reused: int) -> None:
        """A stage begins: `total` items are to be worked, `reused` rows were there already."""
        ...

    def advance(self, stage: str, bucket: str, done: int, tally: Counter[str]) -> None:
        """`done` items are finished; `tally` counts their outcomes."""
        ...

    def finish(self, stage: str, bucket: str, tally: Counter[str], seconds: float) -> None:
        """The stage has its table."""
        ...

    def searching(self, source: str, line: str, most: int | None) -> None:
        """A source is asked for candidates; several may be at the same time."""
        ...

    def found(self, source: str, line: str, count: int) -> None:
        """So many candidates have come by now."""
        ...

    def searched(self, source: str, line: str, count: int, how: str) -> None:
        """The search has ended: answered, throttled, failed, or remembered from an interrupted gather."""
        ...

    def note(self, text: str) -> None:
        """Something takes its time before work can begin; each text replaces the one before."""
        ...

    def close(self) -> None:
        """The run has ended, also by an error."""
        ...


class LogReporter:
    """Writes a line every ten seconds of work."""

    def __init__(self, write: Callable[[str], None], every_seconds: float = 10.0):
        self._write = write
        self._every = every_seconds
        self._began = self._said = time.monotonic()
        self._total = 0
        self._noted = ""

    def start(self, stage: str, bucket: str, total: int, reused: int) -> None:
        """See `Reporter`."""
        self._began = self._said = time.monotonic()
        self._total = total
        self._write(f"{stage} {bucket}: {total} to compute, {reused} reused")

    def advance(self, stage: str, bucket: str, done: int, tally: Counter[str]) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        if now - self._said < self._every:
            return
        self._said = now
        rate = done / max(1e-9, now - self._began)
        left = (self._total - done) / max(1e-9, rate)
        self._write(f"{stage} {bucket}: {done}/{self._total}, {rate:.1f}/s, {left:.0f} s left ({spelled(tally)})")

    def finish(self, stage: str, bucket: str, tally: Counter[str], seconds: float) -> None:
        """See `Reporter`."""
        self._write(f"{stage} {bucket}: done in {seconds:.1f} s ({spelled(tally)})")

    def searching(self, source: str, line: str, most: int | None) -> None:
        """See `Reporter`."""

    def found(self, source: str, line: str, count: int) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            self._write(f"search {source} '{line}': {count} found so far")

    def searched(self, source: str, line: str, count: int, how: str) -> None:
        """See `Reporter`."""
        self._write(f"search {source} '{line}': {count} found ({how})")

    def note(self, text: str) -> None:
        """See `Reporter`."""
        now = time.monotonic()
        # The same activity again, with another number in it, is told every ten seconds.
        what = text.split(" (")[0].split(":")[0]
        if what != self._noted or now - self._said >= self._every:
            self._noted, self._said = what, now
            self._write(text)

    def close(self) -> None:
        """Nothing to do: lines end by themselves."""


def spelled(tally: Counter[str]) -> str:
    """Counts in words: `YES 5, NO 2`."""
    return ", ".join(f"{name} {count}" for name, count in tally.most_common()) or "nothing"


_reporter: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


@contextlib.contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Within this context, stages report here and not to the log."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def reporter_or(write: Callable[[str], None]) -> Reporter:
    """The reporter in force, else one that writes log lines."""
    return _reporter.get() or LogReporter(write)
