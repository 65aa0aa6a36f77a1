"""A data set beside a reference: what is found, what is missed, and where they disagree most."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlf_core.boxes import area, as_boxes, iou, shared_area
from dlf_core.errors import FormatError
from dlf_core.evaluate import Evaluation, evaluate_by_class
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

IOU = 0.5
MOST_IMAGES = 20


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: boxes on the images both have, and how they agree at IoU 0.5."""

    name: str
    boxes: int
    reference_boxes: int
    precision: float | None
    recall: float | None
    ap50: float | None


@dataclass(frozen=True, slots=True)
class QueryScore:
    """One phrase: its boxes, and the share that the reference has, too; the share of them verified YES."""

    query: str
    boxes: int
    agreement: float | None
    yes_rate: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One image: boxes that only one side has."""

    image_id: str
    file_name: str
    bucket: str | None
    only_here: int
    only_there: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of a data set with a reference.

    Attributes:
        images: on which both are compared.
        only_here: images that the reference lacks.
        only_there: images that the data set lacks; its boxes do not count.
        yes_rate: share of verified boxes that were YES, here and there; None where nothing was verified.
        counts: boxes here minus there → images.
        worst: images with most boxes that only one side has.
    """

    images: int
    only_here: int
    only_there: int
    boxes: int
    reference_boxes: int
    precision: float | None
    recall: float | None
    ap50: float | None
    ap: float | None
    yes_rate: float | None
    reference_yes_rate: float | None
    classes: Sequence[ClassScore]
    queries: Sequence[QueryScore]
    counts: dict[int, int]
    worst: Sequence[Disagreement]

    def as_dict(self) -> dict[str, Any]:
        """Plain values; shares rounded to four digits."""
        return dict(_rounded(asdict(self)))


def compare(found: Dataset, reference: Dataset, verified: Mapping[str, tuple[int, int]] | None = None) -> Comparison:
    """Compare a data set with a reference on the images that both have.

    Images are the same when their hashes are, or else their file names: with folders, without, or as it was where the
    file came from.

    Args:
        found: the data set.
        reference: what it is measured by.
        verified: query → boxes verified YES, and boxes verified; also those that are not in the data set.

    Raises:
        FormatError: they share no image, or no class.
    """
    pairs = _pairs(found, reference)
    if not pairs:
        raise FormatError(f"'{found.name}' and '{reference.name}' share no image, neither by hash nor by file name.")
    shared = [name for name in found.classes if name in reference.classes]
    if not shared:
        there = ", ".join(reference.classes[:10])
        raise FormatError(f"they share no class; the reference has: {there}. Rename its classes with --classes.")
    ours = Dataset.of(found.name, shared, (_of(one, shared, str(n)) for n, (one, _) in enumerate(pairs)))
    theirs = Dataset.of(reference.name, shared, (_of(one, shared, str(n)) for n, (_, one) in enumerate(pairs)))
    overall, alone = evaluate_by_class(theirs, ours, shared)
    agreed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    counts: Counter[int] = Counter()
    worst: list[Disagreement] = []
    for (image, _), mine, other in zip(pairs, ours.images, theirs.images, strict=True):
        real = [box for box in other.boxes if not box.crowd]
        is_shared, is_found, counted = _matched(mine.boxes, real, other.boxes)
        for place in np.flatnonzero(counted).tolist():
            query = mine.boxes[place].query or mine.boxes[place].class_name
            asked[query] += 1
            agreed[query] += int(is_shared[place])
        counts[int(counted.sum()) - len(real)] += 1
        only = int((counted & ~is_shared).sum()), int((~is_found).sum())
        if any(only):
            worst.append(Disagreement(image.image_id, image.file_name, image.bucket, *only))
    worst.sort(key=lambda one: (-(one.only_here + one.only_there), one.file_name))
    said = verified or {}
    queries = [
        QueryScore(query, count, _rate(agreed[query], count), _rate(*said.get(query, (0, 0))))
        for query, count in (asked + Counter()).most_common() + [(query, 0) for query in said if query not in asked]
    ]
    return Comparison(
        images=len(pairs),
        only_here=len(found.images) - len(pairs),
        only_there=len(reference.images) - len(pairs),
        boxes=overall.boxes,
        reference_boxes=overall.truth_boxes,
        precision=overall.precision,
        recall=overall.recall,
        ap50=overall.ap50,
        ap=overall.ap,
        yes_rate=_rate(sum(yes for yes, _ in said.values()), sum(count for _, count in said.values())),
        reference_yes_rate=_yes_rate(reference),
        classes=[_class_score(name, alone[name]) for name in shared],
        queries=queries,
        counts=dict(sorted(counts.items())),
        worst=worst[:MOST_IMAGES],
    )


def _pairs(found: Dataset, reference: Dataset) -> list[tuple[LabeledImage, LabeledImage]]:
    """Images that both have, in the order of the data set: first by hash, then by a name that only one of them has."""
    ours, theirs = dict(enumerate(found.images)), dict(enumerate(reference.images))
    every = dict(ours), dict(theirs)
    partner: dict[int, int] = {}
    kinds: tuple[Callable[[str], str], ...] = (str, _file_name)
    for name_of, (mine, other) in itertools.product(kinds, _SAME):
        here, there = _by_name(ours, mine, name_of), _by_name(theirs, other, name_of)
        for name in here.keys() & there.keys():
            partner[here[name]] = there[name]
            del ours[here[name]], theirs[there[name]]
    return [(every[0][place], every[1][partner[place]]) for place in sorted(partner)]


# The hash says most, then what a file is called, then what it was called where it came from.
_SAME = (
    ("image_id", "image_id"),
    ("file_name", "file_name"),
    ("source_name", "file_name"),
    ("file_name", "source_name"),
    ("source_name", "source_name"),
)


def _file_name(told: str) -> str:
    """Without folders, those of Windows too."""
    return PurePosixPath(told.replace("\\", "/")).name


def _by_name(images: Mapping[int, LabeledImage], kind: str, name_of: Callable[[str], str]) -> dict[str, int]:
    """Name → the one image that has it."""
    places: dict[str, list[int]] = {}
    for place, image in images.items():
        if name := getattr(image, kind):
            places.setdefault(name_of(name), []).append(place)
    return {name: some[0] for name, some in places.items() if len(some) == 1}


def _of(image: LabeledImage, classes: Sequence[str], name: str) -> LabeledImage:
    boxes = [box for box in image.boxes if box.class_name in classes]
    return replace(image, file_name=name, source_name=None, boxes=boxes)


def _matched(
    here: Sequence[LabeledBox], there: Sequence[LabeledBox], every: Sequence[LabeledBox]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes have a partner of their class on the other side, the best pairs first, each box once; and which boxes
    here count: those without a partner that lie on a crowd (half of their area, as in COCO) do not.
    """
    found = np.zeros(len(here), np.bool_), np.zeros(len(there), np.bool_)
    counted = np.ones(len(here), np.bool_)
    if not here:
        return *found, counted
    overlap = np.where(_same_class(here, there), iou(_corners(here), _corners(there)), 0.0)
    for mine, other in np.argwhere(overlap >= IOU)[np.argsort(-overlap[overlap >= IOU], kind="stable")].tolist():
        if not found[0][mine] and not found[1][other]:
            found[0][mine] = found[1][other] = True
    crowds = [box for box in every if box.crowd]
    if crowds:
        inside = shared_area(_corners(here), _corners(crowds)) >= IOU * area(_corners(here))[:, None]
        counted = found[0] | ~(inside & _same_class(here, crowds)).any(axis=1)
    return *found, counted


def _same_class(here: Sequence[LabeledBox], there: Sequence[LabeledBox]) -> NDArray[np.bool_]:
    mine, others = (np.array([box.class_name for box in boxes], dtype=object) for boxes in (here, there))
    same: NDArray[np.bool_] = mine[:, None] == others[None, :]
    return same.astype(np.bool_)


def _corners(boxes: Sequence[LabeledBox]) -> NDArray[np.float64]:
    return as_boxes([(box.x1, box.y1, box.x2, box.y2) for box in boxes])


def _class_score(name: str, scored: Evaluation) -> ClassScore:
    return ClassScore(name, scored.boxes, scored.truth_boxes, scored.precision, scored.recall, scored.ap50)


def _rate(yes: int, count: int) -> float | None:
    return yes / count if count else None


def _yes_rate(dataset: Dataset) -> float | None:
    said = Counter(dataset.box_table["verdict"].to_pylist())
    return _rate(said["YES"], said.total() - said[None] - said["ERROR"])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
