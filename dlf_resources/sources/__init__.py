"""Where images come from: one file a source. `SOURCES` is the registry, in the order they are read."""

from __future__ import annotations

from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Source
from dlf_resources.sources.folder import FolderSource
from dlf_resources.sources.urls import UrlsSource

__all__ = ["SOURCES", "Candidate", "Source", "left_out", "sources_of"]

SOURCES: dict[str, type[Source]] = {"folder": FolderSource, "urls": UrlsSource}


def sources_of(project: Project) -> list[Source]:
    """The sources a project names that this version has, in the project's order."""
    return [SOURCES[name]() for name in project.sources if name in SOURCES]


def left_out(bucket: Bucket) -> list[str]:
    """What a bucket names and no source of this version reads, in words."""
    found: list[str] = []
    if bucket.queries:
        found.append(f"{len(bucket.queries)} search queries")
    if bucket.videos:
        found.append(f"{len(bucket.videos)} videos")
    return found
