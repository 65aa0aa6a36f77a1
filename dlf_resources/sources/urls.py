"""Single addresses (`urls:` of a bucket): of the web, of files here, and files that list them.

A line that ends in .txt, .csv, .tsv or .parquet is a list. In a table the column `url` is needed; `title`, `author`,
`license`, `license_url`, `page`, `attribution` and `group` are taken over where they stand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Surroundings
from dlf_resources.sources.files import local_candidate, path_of, read_file
from dlf_resources.sources.url_lists import LISTS, Listed, listed


class UrlsSource:
    """One candidate an address."""

    name = "urls"
    remote = False
    recalls = True
    usual: int | None = None

    def __init__(self, surroundings: Surroundings):
        self._project = surroundings.project
        self._connection = surroundings.connection

    def lines(self, bucket: Bucket) -> list[str]:
        """The bucket's `urls`."""
        return list(bucket.urls)

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """The addresses as they stand; paths are relative to the YAML, or to the list they stand in."""
        for candidate in self._candidates(line):
            yield candidate

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        """Download the address, or read the file."""
        if candidate.url.startswith("file:"):
            return await asyncio.to_thread(read_file, path_of(candidate.url), max_bytes)
        return (await self._connection.web.get(candidate.url, max_bytes)).body

    def _candidates(self, line: str) -> Iterator[Candidate]:
        if _is_remote(line):
            yield self._remote(line, Listed(line))
            return
        path = self._project.beside(str(path_of(line)) if _is_file(line) else line)
        if path.suffix.lower() not in LISTS:
            yield local_candidate(self._project, self.name, line, Path(path))
            return
        for entry in listed(path, f"{self._project.file}: urls '{line}'"):
            if _is_remote(entry.url):
                yield self._remote(line, entry)
            else:
                file = path_of(entry.url) if _is_file(entry.url) else _expanded(entry.url)
                told = entry.told()
                if "license" in told:
                    told.setdefault("license_url", None)  # the project's is that of another licence
                yield replace(local_candidate(self._project, self.name, line, path.parent / file), **told)

    def _remote(self, line: str, entry: Listed) -> Candidate:
        return Candidate(self.name, line, entry.url, **entry.told())


def _is_remote(address: str) -> bool:
    return "://" in address and not _is_file(address)


def _is_file(address: str) -> bool:
    return address[:5].lower() == "file:"


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # `~$a.jpg` is no user's home
        return Path(path)
