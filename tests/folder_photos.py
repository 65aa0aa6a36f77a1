"""The folder source on a bucket of one folder, `photos`."""

from __future__ import annotations

import pytest

from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources import Candidate
from dlf_resources.sources.folder import FolderSource

SOURCE = FolderSource()
BUCKET = Bucket(folders=["photos"])


def found(project: Project, bucket: Bucket = BUCKET) -> list[Candidate]:
    return list(SOURCE.candidates(project, bucket))


def only(project: Project) -> Candidate:
    (candidate,) = found(project)
    return candidate


def refusal(project: Project, candidate: Candidate, max_bytes: int = 100) -> tuple[str, str]:
    with pytest.raises(ImageRejected) as caught:
        SOURCE.fetch(project, candidate, max_bytes)
    return str(caught.value.state), caught.value.reason
