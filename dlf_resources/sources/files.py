"""Local image files as candidates: how they are named, versioned and read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_resources.sources.base import Candidate


def local_candidate(project: Project, source: str, line: str, path: Path) -> Candidate:
    """A file as a candidate, with the rights that the project says its files have."""
    rights = project.rights
    return Candidate(
        source,
        line,
        file_url(path),
        version_of(path),
        title=shown_name(path),
        author=rights.author,
        license=rights.license,
        license_url=rights.license_url,
        attribution=rights.attribution,
    )


def file_url(path: Path) -> str:
    """The `file:` address of a path; bytes that are no UTF-8 are percent-encoded."""
    return path.absolute().as_uri()


def path_of(url: str) -> Path:
    """The path of a `file:` address."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def version_of(path: Path) -> str:
    """Changes when the file changes: size and modification time; empty when it cannot be looked at."""
    try:
        info = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL byte in the name
        return ""
    return f"{info.st_size}:{info.st_mtime_ns}"


def shown_name(path: Path) -> str:
    """The file's name as text; bytes that are no UTF-8 become `?`."""
    return path.name.encode("utf-8", "replace").decode()


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        ImageRejected: it cannot be read, is no regular file, or is larger than `max_bytes`.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise ImageRejected(CandidateState.UNREADABLE, f"cannot be read: {said}") from None
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)
        raise ImageRejected(CandidateState.UNREADABLE, "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if info.st_size > max_bytes:
            reason = f"{info.st_size:,} bytes; the limit is {max_bytes:,} (thresholds.max_bytes)"
            raise ImageRejected(CandidateState.TOO_LARGE, reason)
        try:
            return file.read()
        except OSError as error:
            raise ImageRejected(CandidateState.UNREADABLE, f"cannot be read: {error.strerror or error}") from None
