"""How far people have come, how fast they are, and how they agree: with one another, and with verify."""

from __future__ import annotations

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel

from dlf_core.records import Decision
from dlf_core.reviews.agreement import Pair, paces, pairs
from review_ui.api.dependencies import OfProject
from review_ui.bucket_index import DECISIONS, BucketIndex

router = APIRouter(prefix="/api", tags=["people"])


class QueryAgreement(BaseModel):
    """Of one query: boxes that both verify (YES or NO) and a person decided, and how many the other way."""

    query: str
    boxes: int
    overruled: int


class ReviewerPace(BaseModel):
    """What one person has done; `a_minute` is None for less than ten seconds of work."""

    reviewer: str
    decisions: int
    minutes: float
    a_minute: float | None


class People(BaseModel):
    """Everybody who has said something."""

    reviewers: list[ReviewerPace]
    pairs: list[Pair]
    queries: list[QueryAgreement]


@router.get("/people")
def read_people(opened: OfProject) -> People:
    """Pace and agreement of everybody, and how often verify was overruled, by query."""
    events = [event for _, event in opened.log.events()]
    counts: dict[str, list[int]] = {}
    for bucket in opened.project.buckets:
        if opened.ready(bucket):
            for query, (boxes, overruled) in overruled_by_query(opened.bucket(bucket)).items():
                known = counts.setdefault(query, [0, 0])
                known[0], known[1] = known[0] + boxes, known[1] + overruled
    return People(
        reviewers=[
            ReviewerPace(
                reviewer=one.reviewer, decisions=one.decisions, minutes=round(one.minutes, 2), a_minute=one.a_minute
            )
            for one in paces(events)
        ],
        pairs=pairs(events),
        queries=[QueryAgreement(query=query, boxes=one[0], overruled=one[1]) for query, one in sorted(counts.items())],
    )


def overruled_by_query(index: BucketIndex) -> dict[str, tuple[int, int]]:
    """Query → boxes that verify and a person both said YES or NO of, and those of which they said the other."""
    words = {word: number for number, word in enumerate(index.verdicts)}
    yes, no = (index.verdict_codes == words.get(word, -2) for word in ("YES", "NO"))
    approved, rejected = (DECISIONS.index(one.value) for one in (Decision.APPROVED, Decision.REJECTED))
    people_yes, people_no = index.decisions == approved, (index.decisions == rejected) | index.gone
    both = (yes | no) & (people_yes | people_no)
    other = (yes & people_no) | (no & people_yes)
    size = len(index.queries)
    boxes, overruled = (np.bincount(index.query_codes[chosen], minlength=size) for chosen in (both, other))
    return {query: (int(boxes[n]), int(overruled[n])) for n, query in enumerate(index.queries) if boxes[n]}
