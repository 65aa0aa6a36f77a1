"""The queue: images that fit a question, page by page, and who looks at which."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from dlf_core.records import Decision
from dlf_core.reviews.operations import Id, Reviewer
from review_ui.api.dependencies import OfBroadcast, OfLeases, OfProject, OfSnapshots
from review_ui.bucket_index import DECISIONS, BucketIndex
from review_ui.queue import Answer, Question, answered

router = APIRouter(prefix="/api", tags=["queue"])


class QueueItem(BaseModel):
    """One image of the queue.

    Attributes:
        fitting: boxes that fit the question.
        undecided: boxes nobody has decided.
        doubt: |p_yes − 0.5| of its most uncertain undecided box; None: there is none.
        holder: who else looks at it.
    """

    image_id: str
    title: str
    width: int
    height: int
    boxes: int
    fitting: int
    undecided: int
    decision: Decision
    doubt: float | None
    holder: str | None


class QueuePage(BaseModel):
    """Some images of a queue.

    Attributes:
        cursor: of the order; with another offset it gives any other page of the same order.
        total: images that fit.
        boxes: boxes that fit.
    """

    cursor: str
    offset: int
    total: int
    boxes: int
    undecided: int
    items: list[QueueItem]


class Facets(BaseModel):
    """What may be asked for, with how many boxes there are of each."""

    classes: dict[str, int]
    queries: dict[str, int]
    verdicts: dict[str, int]
    decisions: dict[str, int]


class LeaseRequest(BaseModel):
    """Somebody looks at an image, or looks elsewhere."""

    model_config = ConfigDict(extra="forbid")

    image_id: Id
    reviewer: Reviewer
    release: bool = False


class LeaseAnswer(BaseModel):
    """Who else looks at the image."""

    holder: str | None


class QueueQuestion(Question):
    """A question, and which page of its answer."""

    bucket: Annotated[str, Field(min_length=1, max_length=400)]
    cursor: Annotated[str | None, Field(pattern="^[0-9a-f]{1,16}$")] = None
    offset: Annotated[int, Field(ge=0, le=2**31)] = 0
    image: Annotated[Id | None, Field(description="Instead of the offset: the page that holds this image.")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    project: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/queue")
def read_queue(
    opened: OfProject, snapshots: OfSnapshots, leases: OfLeases, question: Annotated[QueueQuestion, Query()]
) -> QueuePage:
    """Images that fit, in order; the cursor of an earlier page keeps its order."""
    index = opened.bucket(question.bucket)
    answer = snapshots.named(question.cursor) if question.cursor else None
    cursor = question.cursor
    if answer is None or cursor is None:
        answer = answered(index, question, index.titles)
        cursor = snapshots.keep(answer)
    open_ = index.counts(index.undecided())
    there = index.counts(~index.gone)
    doubt = index.doubt()
    holders = leases.holders()
    offset = _offset(index, answer, question)
    places = answer.places[offset : offset + question.limit]
    items = [_item(index, int(place), answer.fitting, open_, there, doubt, holders) for place in places]
    return QueuePage(
        cursor=cursor,
        offset=offset,
        total=len(answer.places),
        boxes=answer.boxes,
        undecided=int(open_[answer.places].sum()),
        items=items,
    )


def _offset(index: BucketIndex, answer: Answer, question: QueueQuestion) -> int:
    """Where the page begins; an image that does not fit the question is on no page."""
    place = None if question.image is None else index.place(question.image)
    if place is None:
        return question.offset
    at = np.flatnonzero(answer.places == place)
    return int(at[0]) // question.limit * question.limit if len(at) else question.offset


def _item(index: BucketIndex, place: int, fitting, open_, there, doubt, holders: dict[str, str]) -> QueueItem:  # type: ignore[no-untyped-def]
    row = index.image(place)
    drawn = index.drawn_count(place)
    return QueueItem(
        image_id=row["image_id"],
        title=index.title(place),
        width=row["width"],
        height=row["height"],
        boxes=int(there[place]) + drawn,
        fitting=int(fitting[place]),
        undecided=int(open_[place]),
        decision=Decision(DECISIONS[index.image_decisions[place]]),
        doubt=float(doubt[place]) if np.isfinite(doubt[place]) else None,
        holder=holders.get(row["image_id"]),
    )


@router.get("/facets")
def read_facets(opened: OfProject, bucket: Annotated[str, Query(min_length=1, max_length=400)]) -> Facets:
    """What boxes of a bucket can be asked by."""
    index = opened.bucket(bucket)
    there = ~index.gone

    def counted(words: list[str], codes) -> dict[str, int]:  # type: ignore[no-untyped-def]
        counts = np.bincount(codes[there & (codes >= 0)], minlength=len(words))
        return {word: int(count) for word, count in zip(words, counts, strict=False) if count}

    return Facets(
        classes=counted(index.classes, index.class_codes),
        queries=counted(index.queries, index.query_codes),
        verdicts=counted(index.verdicts, index.verdict_codes),
        decisions=counted(list(DECISIONS), index.decisions),
    )


@router.post("/leases")
def lease(opened: OfProject, leases: OfLeases, broadcast: OfBroadcast, asked: LeaseRequest) -> LeaseAnswer:
    """Say that one looks at an image. It never keeps anybody from anything."""
    if asked.release:
        leases.give_back(asked.image_id, asked.reviewer)
        holder = None
    else:
        opened.bucket_of(asked.image_id)
        holder = leases.take(asked.image_id, asked.reviewer)
    told = {"kind": "lease", "project": opened.project.project_name, "image_id": asked.image_id}
    broadcast.tell(told | {"reviewer": None if asked.release else holder or asked.reviewer})
    return LeaseAnswer(holder=holder)
