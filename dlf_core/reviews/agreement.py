"""How people agree with one another, and how fast they decide: read from the log of what they said."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from dlf_core.boxes import as_boxes, iou
from dlf_core.records import Decision
from dlf_core.reviews.operations import Event, Geometry, Verdict

PAUSE = dt.timedelta(minutes=2)
"""Who says nothing for so long is away; that time does not count."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who decided the same boxes.

    Attributes:
        boxes: that both decided, each by the last thing they said of it.
        same: of those, decided alike.
        kappa: Cohen's kappa over approved, rejected and unsure; None where chance alone would agree always.
        edited: boxes whose corners both changed.
        edit_iou: mean overlap of what they made of them.
    """

    first: str
    second: str
    boxes: int
    same: int
    kappa: float | None
    edited: int
    edit_iou: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """What one person has done.

    Attributes:
        decisions: verdicts on boxes, taken back ones too.
        minutes: in which they decided; pauses of two minutes and more are left out.
    """

    reviewer: str
    decisions: int
    minutes: float

    @property
    def a_minute(self) -> float | None:
        """Decisions a minute; None for less than ten seconds of work."""
        return self.decisions / self.minutes if self.minutes >= 1 / 6 else None


def pairs(events: Iterable[Event]) -> list[Pair]:
    """Every two people who decided, or moved, a box that the other did too."""
    verdicts: dict[str, dict[str, Decision]] = defaultdict(dict)
    corners: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    for event in events:
        op = event.op
        if isinstance(op, Verdict):
            if op.value is Decision.NONE:
                verdicts[op.reviewer].pop(op.box_id, None)
            else:
                verdicts[op.reviewer][op.box_id] = op.value
        elif isinstance(op, Geometry):
            if op.value is None:
                corners[op.reviewer].pop(op.box_id, None)
            else:
                corners[op.reviewer][op.box_id] = op.value.as_tuple()
    found = []
    for first, second in itertools.combinations(sorted(verdicts.keys() | corners.keys()), 2):
        both = sorted(verdicts[first].keys() & verdicts[second].keys())
        moved = sorted(corners[first].keys() & corners[second].keys())
        if both or moved:
            mine, others = [verdicts[first][one] for one in both], [verdicts[second][one] for one in both]
            same = sum(one is other for one, other in zip(mine, others, strict=True))
            overlap = _overlap([corners[first][one] for one in moved], [corners[second][one] for one in moved])
            found.append(Pair(first, second, len(both), same, kappa(mine, others), len(moved), overlap))
    return found


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa: agreement beyond chance, 1 for all, 0 for as much as chance gives.

    (p_o − p_e) / (1 − p_e), Cohen, "A coefficient of agreement for nominal scales", 1960.

    Args:
        first, second: what two people said of the same things, in the same order.

    Returns:
        None without things, or where both said one and the same word of all of them.
    """
    count = len(first)
    if not count:
        return None
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / count
    mine, others = Counter(first), Counter(second)
    expected = sum(mine[word] * others[word] for word in mine) / count**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def paces(events: Iterable[Event]) -> list[Pace]:
    """What each person has done, the busiest first."""
    moments: dict[str, list[dt.datetime]] = defaultdict(list)
    for event in events:
        if isinstance(event.op, Verdict):
            moments[event.op.reviewer].append(event.at)
    found = []
    for reviewer, at in moments.items():
        at.sort()
        worked = sum((gap for one, next_ in itertools.pairwise(at) if (gap := next_ - one) < PAUSE), dt.timedelta())
        found.append(Pace(reviewer, len(at), worked.total_seconds() / 60))
    return sorted(found, key=lambda one: (-one.decisions, one.reviewer))


def _overlap(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> float | None:
    if not first:
        return None
    return float(iou(as_boxes(first), as_boxes(second)).diagonal().mean())
