"""The protocol of a source: candidates for the lines of a bucket, and their bytes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.web.connection import Connection


@dataclass(frozen=True)
class Candidate:
    """An image that a source offers.

    Attributes:
        source: name of the source.
        query: the line of the YAML that led here: a search query, a video, a folder, an address.
        url: where the bytes are; `file:` for local files (percent-encoded, whatever bytes the name has).
        version: changes when the content may have changed (size and time of a file); part of the memo key.
        page: where a person finds it: the source page that an attribution links to.
        license: as the source spells it; None where it says nothing.
        attribution: the text that the source gives for naming the author.
        group: images that must share a split, such as the frames of one video.
    """

    source: str
    query: str
    url: str
    version: str = ""
    page: str | None = None
    title: str | None = None
    author: str | None = None
    license: str | None = None
    license_url: str | None = None
    attribution: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        # JSON may hold half a letter (a lone surrogate), which no table can hold.
        for name, value in vars(self).items():
            if isinstance(value, str) and not value.isascii():
                object.__setattr__(self, name, value.encode("utf-8", "replace").decode())

    @functools.cached_property
    def candidate_id(self) -> str:
        """32 hex digits over source and address."""
        return hashlib.sha256(f"{self.source}\x1f{self.url}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source works with.

    Attributes:
        project: the project that is gathered.
        connection: the way to the web.
        work: a folder for what is needed only until the gather has ended (frames of videos).
        records: a folder for what is to be remembered beyond that (which frames a video gave).
        warn: told of what a user should know and what stops nothing.
        tell: told of what takes its time.
    """

    project: Project
    connection: Connection
    work: Path
    records: Path
    warn: Callable[[str], None] = field(default=lambda text: None)
    tell: Callable[[str], None] = field(default=lambda text: None)


class Source(Protocol):
    """One kind of place where images are.

    Attributes:
        name: as `sources:` of the YAML names it.
        remote: whether asking it costs somebody something: then what it found is remembered until the gather has ended,
            and what it offered once is not asked for again.
        recalls: whether it remembers by itself what a line led to.
        usual: how many candidates a line gives where nobody says a number; None: all.
    """

    name: str
    remote: bool
    recalls: bool
    usual: int | None

    def __init__(self, surroundings: Surroundings): ...

    def lines(self, bucket: Bucket) -> list[str]:
        """The lines of a bucket that are this source's."""
        ...

    def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """What a line leads to, at most so many, in a stable order.

        Raises:
            SourceThrottled: it wants to be asked less; what was found until then counts.
            SourceError: the line leads nowhere, or the source cannot be asked.
        """
        ...

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        """The bytes of a candidate.

        Raises:
            ImageRejected: they cannot or must not be had; with the state and the reason.
        """
        ...
