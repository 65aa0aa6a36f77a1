"""Where images come from: one file a source. `SOURCES` is the registry."""

from __future__ import annotations

from collections.abc import Callable

from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Source, Surroundings
from dlf_resources.sources.duckduckgo import DuckDuckGoSource
from dlf_resources.sources.folder import FolderSource
from dlf_resources.sources.openverse import OpenverseSource
from dlf_resources.sources.urls import UrlsSource
from dlf_resources.sources.video import VideoSource
from dlf_resources.sources.wikimedia import WikimediaSource

__all__ = ["SOURCES", "Candidate", "Source", "Surroundings", "passed_over", "sources_of"]

SOURCES: dict[str, Callable[[Surroundings], Source]] = {
    "folder": FolderSource,
    "urls": UrlsSource,
    "duckduckgo": DuckDuckGoSource,
    "wikimedia": WikimediaSource,
    "openverse": OpenverseSource,
    "video": VideoSource,
}


_READERS = {
    "queries": ("duckduckgo", "wikimedia", "openverse"),
    "videos": ("video",),
    "folders": ("folder",),
    "urls": ("urls",),
}


def passed_over(project: Project, bucket: Bucket) -> list[str]:
    """Kinds of lines of a bucket that no source of the project reads, such as `queries` with `sources: [folder]`."""
    named = {kind for kind in _READERS if getattr(bucket, kind)}
    return sorted(kind for kind in named if not set(_READERS[kind]) & set(project.sources))


def sources_of(surroundings: Surroundings, bucket: Bucket) -> list[Source]:
    """The sources a project names, in its order, that a bucket has lines for."""
    chosen = [SOURCES[name](surroundings) for name in dict.fromkeys(surroundings.project.sources)]
    return [source for source in chosen if source.lines(bucket)]
