"""The protocol of a backend that answers a question about an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from dlf_core.answers import Verdict
from dlf_core.records import ScoreKind


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an image.

    Attributes:
        stage: `filter` (does the image show the subject?) or `verify` (is the subject in the box?).
        subject: the target object, or the query of a box.
        prompt: the question in words, as a language model reads it.
        box: for verify, where the box lies in the crop: `x1 y1 x2 y2` in [0, 1] of the crop.
    """

    stage: str
    subject: str
    prompt: str
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend said. `text` is what it said word for word, `reasoning` what it saw."""

    verdict: Verdict
    p_yes: float | None
    score_kind: ScoreKind
    text: str
    reasoning: str | None = None


class VlmBackend(Protocol):
    """Answers questions. Calls may come from several threads at once.

    Attributes:
        name: the backend's name in the YAML.
        model: the model that answers.
        max_in_flight: questions worth having open at once.
        max_side: longer side in pixels above which an image is shrunk before it is asked about.
        crop_padding: context around a box that this backend wants, in box sides.
        parameters: everything beside the question that changes an answer; part of the memo key.
    """

    name: str
    model: str
    max_in_flight: int
    max_side: int
    crop_padding: float
    parameters: dict[str, float]

    def check(self, subjects: list[str], stage: str) -> None:
        """Whether the backend can be asked about these subjects at all.

        Raises:
            BackendError: it cannot; one sentence.
        """
        ...

    def ask(self, image: Image.Image, question: Question) -> Answer:
        """Answer one question about an upright RGB image."""
        ...
