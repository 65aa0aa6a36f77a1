"""Boxes that were drawn elsewhere and imported (`dlf import`): nobody is asked, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.grounding.base import Detection, Grounded
from dlf_resources.imported_labels import ImportedLabels
from dlf_resources.picture import Picture


class ImportedGrounding:
    """Answers for images that have imported labels, and for no others.

    A box is given to the query of its class's name, or else to the first query whose class it is.
    """

    name = "imported"
    model = "imported"
    window = 16

    def __init__(self, project: Project, labels: ImportedLabels):
        self.usage = Usage()
        self.parameters: Parameters = {"labels": labels.version}
        self._labels = labels
        self._query = {project.class_of(query): query for query in reversed(project.queries)}
        self._query |= {query: query for query in project.queries if query not in self._query}

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._labels

    def check(self, queries: Sequence[str]) -> None:
        """Any may be asked."""

    def connected(self) -> AbstractAsyncContextManager[object]:
        """There is nobody to connect to."""
        return nullcontext()

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """The boxes of an image by query; an empty list is "none here"."""
        found: dict[str, list[Detection] | Exception] = {query: [] for query in queries}
        for box in self._labels.boxes(str(picture.image_id)):
            drawn = found.get(self._query.get(box.class_name, ""))
            if isinstance(drawn, list):
                kind = ScoreKind(box.score_kind) if box.score_kind in set(ScoreKind) else ScoreKind.NONE
                drawn.append(Detection(box.x1, box.y1, box.x2, box.y2, box.score, kind))
        return found
