"""The folder source on a bucket of one folder, `photos`."""

from __future__ import annotations

from local_sources import around, candidates_of, content_of, refusal_of

from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources import Candidate
from dlf_resources.sources.folder import FolderSource

BUCKET = Bucket(folders=["photos"])


def source(project: Project) -> FolderSource:
    return FolderSource(around(project))


def found(project: Project, bucket: Bucket = BUCKET) -> list[Candidate]:
    asked = source(project)
    return [candidate for line in asked.lines(bucket) for candidate in candidates_of(asked, line)]


def only(project: Project) -> Candidate:
    (candidate,) = found(project)
    return candidate


def content(project: Project, candidate: Candidate) -> bytes:
    return content_of(source(project), candidate)


def refusal(project: Project, candidate: Candidate, max_bytes: int = 100) -> tuple[str, str]:
    return refusal_of(source(project), candidate, max_bytes)
