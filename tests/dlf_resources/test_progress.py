"""Progress: a line every ten seconds of work, and a reporter in force wins over the log."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from dlf_resources.progress import LogReporter, reporter_or, reporting_to, spelled


def test_counts_are_spelled_largest_first() -> None:
    assert spelled(Counter(NO=2, YES=5)) == "YES 5, NO 2"
    assert spelled(Counter()) == "nothing"


def test_a_line_at_the_start_one_every_ten_seconds_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    lines: list[str] = []
    reporter = LogReporter(lines.append)
    reporter.start("label", "positive/x", 100, 7)
    for done in range(1, 26):
        now += 1
        reporter.advance("label", "positive/x", done, Counter(FOUND=done))
    reporter.finish("label", "positive/x", Counter(FOUND=25), 25.04)
    assert lines == [
        "label positive/x: 100 to compute, 7 reused",
        "label positive/x: 10/100, 1.0/s, 90 s left (FOUND 10)",
        "label positive/x: 20/100, 1.0/s, 80 s left (FOUND 20)",
        "label positive/x: done in 25.0 s (FOUND 25)",
    ]


def test_no_time_and_nothing_done_divide_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    lines: list[str] = []
    reporter = LogReporter(lines.append, every_seconds=0)
    reporter.start("gather", "x", 0, 0)
    reporter.advance("gather", "x", 0, Counter())
    assert lines[1] == "gather x: 0/0, 0.0/s, 0 s left (nothing)"


def test_within_the_context_its_reporter_is_told_and_afterwards_the_log_again() -> None:
    outer, inner = LogReporter(print), LogReporter(print)
    with reporting_to(outer):
        assert reporter_or(print) is outer
        with reporting_to(inner):
            assert reporter_or(print) is inner
        assert reporter_or(print) is outer
    lines: list[str] = []
    reporter_or(lines.append).start("gather", "x", 1, 0)
    assert lines == ["gather x: 1 to compute, 0 reused"]


def test_an_error_inside_takes_the_reporter_back_too() -> None:
    with pytest.raises(ValueError, match="mine"), reporting_to(LogReporter(print)):
        raise ValueError("mine")
    assert isinstance(reporter_or(print), LogReporter)
    assert reporter_or(print) is not reporter_or(print)
