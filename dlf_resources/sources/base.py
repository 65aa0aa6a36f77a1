"""The protocol of a source: candidates for a bucket, and their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from dlf_core.project import Project
from dlf_core.sections import Bucket


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that a source offers.

    Attributes:
        source: name of the source.
        query: the line of the YAML that led here: a search query, a folder, an address.
        url: where the bytes are; `file:` for local files (percent-encoded, whatever bytes the name has).
        version: changes when the content may have changed (size and time of a file); part of the memo key.
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
    group: str | None = None

    @property
    def candidate_id(self) -> str:
        """32 hex digits over source and address."""
        return hashlib.sha256(f"{self.source}\x1f{self.url}".encode()).hexdigest()[:32]


class Source(Protocol):
    """One kind of place where images are."""

    name: str

    def wanted(self, bucket: Bucket) -> list[str]:
        """The lines of a bucket that are this source's."""
        ...

    def candidates(self, project: Project, bucket: Bucket) -> Iterator[Candidate]:
        """What a bucket's lines lead to, in a stable order.

        Raises:
            SourceError: a line leads nowhere (no such folder).
        """
        ...

    def fetch(self, project: Project, candidate: Candidate, max_bytes: int) -> bytes:
        """The bytes of a candidate.

        Raises:
            ImageRejected: they cannot or must not be had; with the state and the reason.
        """
        ...
