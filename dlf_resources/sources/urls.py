"""Single addresses (`urls:` of a bucket). This version reads local files: paths and `file:` addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_core.records import CandidateState
from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate
from dlf_resources.sources.files import file_url, path_of, read_file, shown_name, version_of


class UrlsSource:
    """One candidate a line."""

    name = "urls"

    def wanted(self, bucket: Bucket) -> list[str]:
        """The bucket's `urls`."""
        return list(bucket.urls)

    def candidates(self, project: Project, bucket: Bucket) -> Iterator[Candidate]:
        """The lines as they stand; paths are relative to the YAML."""
        for line in self.wanted(bucket):
            if "://" in line and not line.startswith("file:"):
                yield Candidate(self.name, line, line)
                continue
            path = project.beside(str(path_of(line)) if line.startswith("file:") else line)
            yield Candidate(self.name, line, file_url(Path(path)), version_of(path), title=shown_name(path))

    def fetch(self, project: Project, candidate: Candidate, max_bytes: int) -> bytes:
        """Read the file."""
        scheme = candidate.url.partition(":")[0].lower()
        if scheme != "file":
            reason = f"{scheme} addresses are not downloaded by this version; save the image and name its path"
            raise ImageRejected(CandidateState.NOT_FETCHED, reason)
        return read_file(path_of(candidate.url), max_bytes)
