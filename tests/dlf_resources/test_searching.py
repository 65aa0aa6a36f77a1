"""All lines of a source, one after the other: what is remembered, in whose turn, and what an error stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from dlf_core.errors import SourceError, SourceThrottled
from dlf_core.sections import Bucket
from dlf_resources.sources import Candidate
from dlf_resources.sources.searching import Asking, Ended, Search, search

THROTTLES, FAILS, BREAKS = "throttles", "fails", "breaks"


@dataclass
class Numbers:
    """A source whose every line leads to ten candidates, unless its name says otherwise."""

    name: str = "numbers"
    remote: bool = True
    recalls: bool = False
    usual: int | None = 4
    asked: list[tuple[str, int | None]] = field(default_factory=list)

    def lines(self, bucket: Bucket) -> list[str]:
        return list(bucket.queries)

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        self.asked.append((line, most))
        for number in range(10):
            if number == 3 and line == THROTTLES:
                raise SourceThrottled("enough")
            if number == 3 and line == FAILS:
                raise SourceError("out of order")
            if number == 3 and line == BREAKS:
                raise KeyError("results")
            for _ in range(2):  # every candidate twice
                yield Candidate(self.name, line, f"https://e.org/{line}/{number}")

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        raise NotImplementedError


@dataclass
class Remembered:
    """A memory in a dictionary."""

    kept: dict[tuple[str, str, object], list[Candidate]] = field(default_factory=dict)

    def read(self, source: str, line: str, settings: object) -> list[Candidate] | None:
        return self.kept.get((source, line, settings))

    def write(self, source: str, line: str, settings: object, candidates: Sequence[Candidate]) -> None:
        self.kept[source, line, settings] = list(candidates)


@dataclass
class Heard:
    """Everything that was told, and when a turn was held."""

    events: list[tuple[object, ...]] = field(default_factory=list)

    def searching(self, source: str, line: str, most: int | None) -> None:
        self.events.append(("searching", line, most))

    def found(self, source: str, line: str, count: int) -> None:
        self.events.append(("found", line, count))

    def searched(self, source: str, line: str, count: int, how: str) -> None:
        self.events.append(("searched", line, count, how))

    @contextlib.contextmanager
    def turn(self, source: str) -> Iterator[None]:
        self.events.append(("takes", source))
        try:
            yield
        finally:
            self.events.append(("leaves", source))


@pytest.fixture
def memory() -> Remembered:
    return Remembered()


@pytest.fixture
def heard() -> Heard:
    return Heard()


def searched(
    source: Numbers, lines: list[str], memory: Remembered, heard: Heard, most: int | None = None
) -> list[Search]:
    return asyncio.run(search(source, Asking(Bucket(queries=lines), most, memory, heard, heard.turn)))


def test_every_line_gives_its_candidates_once_and_at_most_so_many(memory: Remembered, heard: Heard) -> None:
    found = searched(Numbers(), ["a", "b"], memory, heard, 7)
    assert [(one.line, one.ended, len(one.candidates)) for one in found] == [
        ("a", Ended.ANSWERED, 7),
        ("b", Ended.ANSWERED, 7),
    ]
    assert [candidate.url for candidate in found[0].candidates] == [f"https://e.org/a/{n}" for n in range(7)]


@pytest.mark.parametrize(("usual", "most", "count"), [(4, None, 4), (4, 9, 9), (None, None, 10), (None, 2, 2)])
def test_what_is_usual_holds_where_nobody_says_a_number(
    memory: Remembered, heard: Heard, usual: int | None, most: int | None, count: int
) -> None:
    source = Numbers(usual=usual)
    assert [len(one.candidates) for one in searched(source, ["a"], memory, heard, most)] == [count]
    assert source.asked == [("a", most or usual)]


@pytest.mark.parametrize(("line", "ended"), [(THROTTLES, Ended.THROTTLED), (FAILS, Ended.FAILED)])
def test_a_line_that_fails_keeps_what_it_gave_and_stops_no_other(
    memory: Remembered, heard: Heard, line: str, ended: Ended
) -> None:
    found = searched(Numbers(), ["a", line, "b"], memory, heard, 8)
    assert [(one.line, one.ended, len(one.candidates)) for one in found] == [
        ("a", Ended.ANSWERED, 8),
        (line, ended, 3),
        ("b", Ended.ANSWERED, 8),
    ]
    assert found[1].said in ("enough", "out of order")


def test_what_nobody_foresaw_in_a_service_stops_no_other_line(memory: Remembered, heard: Heard) -> None:
    """A service may answer anything; a program's surprise over it is the service's failure."""
    found = searched(Numbers(), ["a", BREAKS, "b"], memory, heard, 8)
    assert [one.ended for one in found] == [Ended.ANSWERED, Ended.FAILED, Ended.ANSWERED]
    assert found[1].said


def test_only_what_was_answered_in_full_is_remembered(memory: Remembered, heard: Heard) -> None:
    searched(Numbers(), ["a", THROTTLES, FAILS], memory, heard)
    assert [line for _, line, _ in memory.kept] == ["a"]


def test_what_is_remembered_is_not_asked_and_the_order_is_that_of_the_yaml(memory: Remembered, heard: Heard) -> None:
    searched(Numbers(), ["b"], memory, heard)
    source = Numbers()
    found = searched(source, ["a", "b", "c"], memory, heard)
    assert [one.line for one in found] == ["a", "b", "c"]
    assert [line for line, _ in source.asked] == ["a", "c"]
    assert ("searched", "b", 4, "remembered") in heard.events


def test_with_another_number_it_is_asked_again(memory: Remembered, heard: Heard) -> None:
    searched(Numbers(), ["a"], memory, heard, 3)
    source = Numbers()
    assert len(searched(source, ["a"], memory, heard, 5)[0].candidates) == 5
    assert source.asked == [("a", 5)]


def test_a_service_is_asked_in_its_turn_and_only_while_it_is_asked(memory: Remembered, heard: Heard) -> None:
    searched(Numbers(), ["a", FAILS], memory, heard)
    assert heard.events[0] == ("takes", "numbers")
    assert heard.events[-1] == ("leaves", "numbers")
    heard.events.clear()
    searched(Numbers(), ["a"], memory, heard)
    assert [event[0] for event in heard.events] == ["searching", "searched"]  # nothing was asked, nobody waited for


def test_a_turn_is_given_back_when_a_search_breaks(memory: Remembered, heard: Heard) -> None:
    with contextlib.suppress(KeyError):
        searched(Numbers(), [BREAKS], memory, heard)
    assert heard.events[-1] == ("leaves", "numbers")


def test_without_lines_nobody_is_asked_or_waited_for(memory: Remembered, heard: Heard) -> None:
    assert searched(Numbers(), [], memory, heard) == []
    assert heard.events == []


def test_a_local_source_takes_no_turn_remembers_nothing_and_its_errors_end_the_gather(
    memory: Remembered, heard: Heard
) -> None:
    found = searched(Numbers(remote=False, usual=None), ["a"], memory, heard)
    assert [(len(one.candidates), one.remote) for one in found] == [(10, False)]
    assert memory.kept == {}
    assert ("takes", "numbers") not in heard.events
    with pytest.raises(SourceError, match="out of order"):
        searched(Numbers(remote=False), [FAILS], memory, heard)


def test_progress_counts_every_candidate_once(memory: Remembered, heard: Heard) -> None:
    searched(Numbers(), ["a"], memory, heard)
    told = list(dict.fromkeys(event for event in heard.events if event[0] not in ("takes", "leaves")))
    assert told == [
        ("searching", "a", 4),
        *(("found", "a", count) for count in (1, 2, 3, 4)),
        ("searched", "a", 4, "answered"),
    ]
