"""The protocol of a backend that draws boxes for phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.picture import Picture


@dataclass(frozen=True, slots=True)
class Detection:
    """One box: corners in [0, 1] of the upright image, a score of a kind or none, a mask where asked for.

    `mask_rle` is a COCO mask as JSON: `{"size": [height, width], "counts": "…"}`, in pixels of the image as sent.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    score: float | None
    score_kind: ScoreKind
    mask_rle: str | None = None


Grounded = Mapping[str, list[Detection] | Exception]
"""Query → boxes (an empty list is the answer "none here"), or why this query has no answer.

`BackendUnavailable` among them: the backend is gone, and what the other queries were answered is not lost with it.
"""


class GroundingBackend(Protocol):
    """Draws boxes. What it is made of is known without asking anybody: a finished bucket needs no server.

    Attributes:
        name: the backend's name in the YAML.
        model: the model that draws.
        window: pictures worth having in work at once.
        parameters: everything beside picture and query that changes the boxes; part of the memo key.
    """

    name: str
    model: str
    window: int
    parameters: Parameters

    @property
    def usage(self) -> Usage:
        """What it was asked so far."""
        ...

    def check(self, queries: Sequence[str]) -> None:
        """Whether the backend can be asked these queries at all.

        Raises:
            BackendError: it cannot; one sentence.
        """
        ...

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Within it, boxes may be asked for. Entered in the loop that asks.

        Raises:
            BackendUnavailable: nobody there; the sentence says how to start one.
        """
        ...

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """Boxes for each query on one picture, all queries asked together.

        Raises:
            Exception: what concerns the picture and so all its queries.
        """
        ...
