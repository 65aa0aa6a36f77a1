"""Asking all sources of a bucket: beside each other, each of them line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dlf_core.errors import FactoryError, SourceError, SourceThrottled
from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Source


class Ended(StrEnum):
    """How a search ended."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Search:
    """What became of one line given to one source.

    Attributes:
        candidates: what it offered, also before it throttled or failed.
        said: why it did not answer, as a sentence.
    """

    source: str
    line: str
    candidates: Sequence[Candidate]
    ended: Ended
    said: str | None = None
    remote: bool = True


class Memory(Protocol):
    """Remembers what was found until the gather has ended."""

    def read(self, source: str, line: str, settings: object) -> list[Candidate] | None:
        """What was found, or None."""
        ...

    def write(self, source: str, line: str, settings: object, candidates: Sequence[Candidate]) -> None:
        """Remember it."""
        ...


class Told(Protocol):
    """Told of every search as it goes."""

    def searching(self, source: str, line: str, most: int | None) -> None:
        """A search begins."""
        ...

    def found(self, source: str, line: str, count: int) -> None:
        """So many candidates by now."""
        ...

    def searched(self, source: str, line: str, count: int, how: str) -> None:
        """It has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How a bucket's sources are asked.

    Attributes:
        bucket: whose lines.
        most: at most so many candidates a source and line; None: what is usual for the source.
        memory: what an interrupted gather has found already.
        told: progress.
        turn: held while a remote source is asked, so that other processes do not ask it at the same time.
    """

    bucket: Bucket
    most: int | None
    memory: Memory
    told: Told
    turn: Callable[[str], AbstractContextManager[object]]


async def search(source: Source, asking: Asking) -> list[Search]:
    """All lines of one source, one after the other."""
    found: list[Search] = []
    lines = source.lines(asking.bucket)
    if not lines:
        return found
    most = asking.most or source.usual
    if not source.remote:
        return [await _asked(source, line, most, asking) for line in lines]
    remembered = {line: None if source.recalls else asking.memory.read(source.name, line, most) for line in lines}
    for line, candidates in remembered.items():
        if candidates is not None:
            asking.told.searching(source.name, line, most)
            asking.told.searched(source.name, line, len(candidates), "remembered")
            found.append(Search(source.name, line, candidates, Ended.ANSWERED))
    waiting = [line for line, candidates in remembered.items() if candidates is None]
    if waiting:
        turn = asking.turn(source.name)
        await asyncio.to_thread(turn.__enter__)
        try:
            for line in waiting:
                found.append(await _asked(source, line, most, asking))
                if found[-1].ended is Ended.ANSWERED and not source.recalls:
                    asking.memory.write(source.name, line, most, found[-1].candidates)
        finally:
            await asyncio.to_thread(turn.__exit__, None, None, None)
    return sorted(found, key=lambda one: lines.index(one.line))


async def _asked(source: Source, line: str, most: int | None, asking: Asking) -> Search:
    asking.told.searching(source.name, line, most)
    candidates: dict[str, Candidate] = {}
    ended, said = Ended.ANSWERED, None
    try:
        async for candidate in source.find(line, most):
            candidates.setdefault(candidate.candidate_id, candidate)
            asking.told.found(source.name, line, len(candidates))
            if most is not None and len(candidates) >= most:
                break
    except SourceThrottled as error:
        ended, said = Ended.THROTTLED, str(error)
    except SourceError as error:
        if not source.remote:
            raise  # a line of the YAML that leads nowhere: nobody but its writer can mend it
        ended, said = Ended.FAILED, str(error)
    except FactoryError:
        raise
    except Exception as error:  # a service may answer in ways that nobody foresaw
        if not source.remote:
            raise
        words = " ".join(str(error).split())[:160]
        ended, said = Ended.FAILED, f"{source.name}: unexpected {type(error).__name__}: {words}"
    asking.told.searched(source.name, line, len(candidates), str(ended))
    return Search(source.name, line, tuple(candidates.values()), ended, said, source.remote)
