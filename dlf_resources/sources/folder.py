"""Folders of this machine (`folders:` of a bucket), searched with their sub-folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected, SourceError
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.images import SUFFIXES
from dlf_resources.sources.base import Candidate, Surroundings
from dlf_resources.sources.files import local_candidate, path_of, read_file


class FolderSource:
    """Every file with an image's ending; hidden files and folders are passed over."""

    name = "folder"
    remote = False
    recalls = True
    usual: int | None = None

    def __init__(self, surroundings: Surroundings):
        self._project = surroundings.project

    def lines(self, bucket: Bucket) -> list[str]:
        """The bucket's `folders`."""
        return list(bucket.folders)

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """Files in order of their paths."""
        folder = self._project.beside(line)
        if not folder.is_dir():
            what = "is a file, not a folder; name it under urls:" if folder.is_file() else "does not exist"
            raise SourceError(f"{self._project.file}: folder '{line}' {what} (looked at {folder}).")
        for path in _files(folder, f"{self._project.file}: folder '{line}'"):
            yield local_candidate(self._project, self.name, line, path)

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        """Read the file, unless a link leads out of its folder."""
        return await asyncio.to_thread(_read, self._project, candidate, max_bytes)


def _read(project: Project, candidate: Candidate, max_bytes: int) -> bytes:
    path = path_of(candidate.url)
    folder = project.beside(candidate.query).resolve()
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'a link that leads nowhere'}"
        raise ImageRejected(CandidateState.UNREADABLE, reason) from None
    if not real.is_relative_to(folder):
        raise ImageRejected(CandidateState.OUTSIDE_FOLDER, "is a link that leads out of the folder")
    return read_file(real, max_bytes)


def _files(folder: Path, said: str) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        raise SourceError(f"{said}: {error.filename} cannot be read: {error.strerror}.")

    # Links to folders are not entered: they may lead out, or in circles.
    for here, folders, names in os.walk(folder, onerror=unreadable, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(here, name)
