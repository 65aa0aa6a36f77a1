"""How people agree, and how fast they are."""

from __future__ import annotations

import datetime as dt
from itertools import count

import pytest
from review_operations import corners, operation, verdict

from dlf_core.reviews.agreement import Pair, kappa, paces, pairs
from dlf_core.reviews.operations import Event, Operation

START = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
_later = count()


def said(op: Operation, seconds: float | None = None) -> Event:
    return Event(op=op, at=START + dt.timedelta(seconds=next(_later) if seconds is None else seconds))


def of(reviewer: str, *words: str) -> list[Event]:
    return [said(verdict(word, box_id=f"{number:032x}", reviewer=reviewer)) for number, word in enumerate(words)]


def test_kappa_is_that_of_the_book() -> None:
    # Cohen's 2 × 2 example: 20 both yes, 5 and 10 apart, 15 both no: p_o .7, p_e .5.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(first, second) == pytest.approx(0.4)
    assert kappa(["yes", "no"], ["yes", "no"]) == 1
    assert kappa(["yes", "no"], ["no", "yes"]) == -1
    assert (kappa([], []), kappa(["yes"], ["yes"])) == (None, None)


def test_the_last_word_of_each_counts_and_what_was_taken_back_does_not() -> None:
    events = of("Ada", "approved", "approved", "rejected", "unsure")
    events += of("Grace", "approved", "rejected", "rejected", "none")
    events += [said(verdict("rejected", box_id=f"{0:032x}", reviewer="Ada"))]
    (pair,) = pairs(events)
    assert (pair.first, pair.second, pair.boxes, pair.same) == ("Ada", "Grace", 3, 1)
    assert pair.kappa == pytest.approx(kappa(["r", "a", "r"], ["a", "r", "r"]))


def test_edits_are_compared_by_overlap() -> None:
    events = [said(operation("geometry", corners(0, 0, 0.5, 0.5), reviewer="Ada"))]
    events += [said(operation("geometry", corners(0, 0, 0.5, 1.0), reviewer="Grace"))]
    assert pairs(events) == [Pair("Ada", "Grace", 0, 0, None, 1, pytest.approx(0.5))]
    assert pairs([*events, said(operation("geometry", None, 1, reviewer="Ada"))]) == []


def test_who_never_met_is_no_pair() -> None:
    assert pairs(of("Ada", "approved")) == []
    other = said(verdict("approved", box_id="f" * 32, reviewer="Grace"))
    assert pairs([*of("Ada", "approved"), other]) == []


def test_pauses_are_no_work() -> None:
    times = [0, 3, 6, 9, 12, 600, 603, 606]
    events = [said(verdict(base=n, reviewer="Ada"), seconds) for n, seconds in enumerate(times)]
    (pace,) = paces([*events, said(operation("note", "x", reviewer="Grace"))])
    assert (pace.decisions, pace.minutes) == (8, pytest.approx(0.3))
    assert pace.a_minute == pytest.approx(8 / 0.3)
    assert paces(events[:2])[0].a_minute is None
