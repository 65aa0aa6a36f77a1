"""The protocol of a backend that draws boxes for phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from dlf_core.records import ScoreKind


@dataclass(frozen=True, slots=True)
class Detection:
    """One box: corners in [0, 1] of the upright image, a score of a kind or none, a mask where asked for."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float | None
    score_kind: ScoreKind
    mask_rle: str | None = None


class GroundingBackend(Protocol):
    """Draws boxes. Calls may come from several threads at once.

    Attributes:
        name: the backend's name in the YAML.
        model: the model that draws.
        max_in_flight: images worth having open at once.
        max_side: longer side in pixels above which an image is shrunk first.
        parameters: everything beside image and query that changes the boxes; part of the memo key.
    """

    name: str
    model: str
    max_in_flight: int
    max_side: int
    parameters: dict[str, float]

    def check(self, queries: Sequence[str]) -> None:
        """Whether the backend can be asked these queries at all.

        Raises:
            BackendError: it cannot; one sentence.
        """
        ...

    def ground(self, image: Image.Image, queries: Sequence[str]) -> dict[str, list[Detection]]:
        """Boxes for each query on one upright RGB image; an empty list is the answer "none here"."""
        ...
