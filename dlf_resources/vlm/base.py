"""The protocol of a backend that answers a question about a picture."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from dlf_core.answers import Verdict
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.picture import Picture


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a picture.

    Attributes:
        stage: `filter` (does the picture show the subject?) or `verify` (is the subject in the box?).
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
    """Answers questions. What it is made of is known without asking anybody: a finished bucket needs no server.

    Attributes:
        name: the backend's name in the YAML.
        model: the model that answers.
        window: pictures worth having in work at once.
        crop_padding: context around a box that this backend wants, in box sides.
    """

    name: str
    model: str
    window: int
    crop_padding: float

    @property
    def usage(self) -> Usage:
        """What it was asked so far."""
        ...

    def parameters(self, stage: str) -> Parameters:
        """Everything beside the question that changes an answer of a stage; part of the memo key."""
        ...

    def check(self, subjects: list[str], stage: str) -> None:
        """Whether the backend can be asked about these subjects at all.

        Raises:
            BackendError: it cannot; one sentence.
        """
        ...

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Within it, questions may be asked. Entered in the loop that asks.

        Raises:
            BackendUnavailable: nobody there; the sentence says how to start one.
        """
        ...

    async def ask(self, picture: Picture, question: Question) -> Answer:
        """Answer one question."""
        ...
