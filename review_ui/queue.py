"""Which images come, in which order: filters over columns, a snapshot to page through."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from dlf_core.records import Decision
from review_ui.bucket_index import DECISIONS, BucketIndex

_SNAPSHOTS = 32
_NONE = DECISIONS.index(Decision.NONE.value)


class Order(StrEnum):
    """Of images."""

    DOUBT = "doubt"
    FOUND = "found"
    BOXES = "boxes"


class Question(BaseModel):
    """What a person wants to see; everything of it stands in the page's address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: Annotated[str | None, Field(max_length=200)] = None
    query: Annotated[str | None, Field(max_length=400)] = None
    least_score: Annotated[float | None, Field(ge=0, le=1)] = None
    most_score: Annotated[float | None, Field(ge=0, le=1)] = None
    verdict: Annotated[str | None, Field(max_length=20)] = None
    decision: Decision | None = None
    image_decision: Decision | None = None
    search: Annotated[str | None, Field(max_length=200)] = None
    order: Order = Order.DOUBT

    @property
    def of_boxes(self) -> bool:
        """Whether it asks for boxes, and not for images alone."""
        asked = (self.class_name, self.query, self.least_score, self.most_score, self.verdict, self.decision)
        return any(value is not None for value in asked)


@dataclass(frozen=True, slots=True)
class Answer:
    """The images that fit, in order, and how many boxes of each do.

    Attributes:
        places: numbers of the images.
        fitting: boxes that fit, by image number.
        boxes: over all images.
    """

    places: NDArray[np.int64]
    fitting: NDArray[np.int64]
    boxes: int


def answered(index: BucketIndex, question: Question, titles: Callable[[], list[str]]) -> Answer:
    """The images of a bucket that fit a question. Without a question of boxes an image without boxes fits, too."""
    chosen = ~index.gone
    if question.class_name is not None:
        chosen &= index.class_codes == _code(index.classes, question.class_name)
    if question.query is not None:
        chosen &= index.query_codes == _code(index.queries, question.query)
    if question.least_score is not None:
        chosen &= index.scores >= question.least_score
    if question.most_score is not None:
        chosen &= index.scores <= question.most_score
    if question.verdict is not None:
        chosen &= index.verdict_codes == _code(index.verdicts, question.verdict)
    if question.decision is not None:
        chosen &= index.decisions == DECISIONS.index(question.decision.value)
    fitting = index.counts(chosen)
    images = fitting > 0 if question.of_boxes else np.ones(len(index), np.bool_)
    if question.image_decision is not None:
        images &= index.image_decisions == DECISIONS.index(question.image_decision.value)
    if question.search:
        words = question.search.lower().split()
        images &= np.array([all(word in title for word in words) for title in titles()], np.bool_)
    places = np.flatnonzero(images)
    return Answer(
        places[_order(index, question.order, fitting)[places].argsort(kind="stable")], fitting, int(fitting.sum())
    )


def _order(index: BucketIndex, order: Order, fitting: NDArray[np.int64]) -> NDArray[Any]:
    """A number for each image: small ones come first."""
    if order is Order.FOUND:
        return index.found_order
    if order is Order.BOXES:
        return -fitting
    return index.doubt()


def _code(words: list[str], word: str) -> int:
    return words.index(word) if word in words else -2


class Snapshots:
    """Orders that pages are taken from: what is decided meanwhile moves no image to another page."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, answer: Answer) -> str:
        """Its name."""
        # Not a number: pages that are open while the server is started again must not meet another order by its name.
        name = secrets.token_hex(8)
        with self._lock:
            self._kept[name] = answer
            while len(self._kept) > _SNAPSHOTS:
                self._kept.popitem(last=False)
        return name

    def named(self, name: str) -> Answer | None:
        """One that is still kept."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)
