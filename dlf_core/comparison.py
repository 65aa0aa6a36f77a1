"""A data set beside a reference: what is found, what is missed, and where they disagree most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlf_core.boxes import as_boxes, iou
from dlf_core.errors import FormatError
from dlf_core.evaluate import evaluate
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

    Images are the same when their hashes are, or else their file names (also the name a file had where it came from).

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
    overall = evaluate(theirs, ours, shared)
    agreed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    counts: Counter[int] = Counter()
    worst: list[Disagreement] = []
    for (image, _), mine, other in zip(pairs, ours.images, theirs.images, strict=True):
        shared_here, shared_there = _matched(mine.boxes, other.boxes)
        for box, is_there in zip(mine.boxes, shared_here, strict=True):
            asked[box.query or box.class_name] += 1
            agreed[box.query or box.class_name] += int(is_there)
        counts[len(mine.boxes) - len(other.boxes)] += 1
        alone = int((~shared_here).sum()), int((~shared_there).sum())
        if any(alone):
            worst.append(Disagreement(image.image_id, image.file_name, image.bucket, *alone))
    worst.sort(key=lambda one: (-(one.only_here + one.only_there), one.file_name))
    said = verified or {}
    queries = [
        QueryScore(query, count, agreed[query] / count, _rate(*said.get(query, (0, 0))))
        for query, count in asked.most_common()
    ]
    return Comparison(
        images=len(pairs),
        only_here=len(found.images) - len(pairs),
        only_there=len(reference.images) - len(pairs),
        boxes=ours.box_count,
        reference_boxes=theirs.box_count,
        precision=overall.precision,
        recall=overall.recall,
        ap50=overall.ap50,
        ap=overall.ap,
        yes_rate=_rate(sum(yes for yes, _ in said.values()), sum(count for _, count in said.values())),
        reference_yes_rate=_yes_rate(reference),
        classes=[_class_score(theirs, ours, name) for name in shared],
        queries=queries,
        counts=dict(sorted(counts.items())),
        worst=worst[:MOST_IMAGES],
    )


def _pairs(found: Dataset, reference: Dataset) -> list[tuple[LabeledImage, LabeledImage]]:
    by_name: dict[str, LabeledImage] = {}
    for image in reference.images:
        for name in (image.source_name, image.file_name, image.image_id):  # the last wins: a hash says most
            if name:
                by_name[name] = image
    pairs: list[tuple[LabeledImage, LabeledImage]] = []
    taken: set[str] = set()
    for image in found.images:
        names = (image.image_id, image.file_name, image.source_name)
        other = next((by_name[name] for name in names if name and name in by_name), None)
        if other is not None and other.file_name not in taken:
            taken.add(other.file_name)
            pairs.append((image, other))
    return pairs


def _of(image: LabeledImage, classes: Sequence[str], name: str) -> LabeledImage:
    boxes = [box for box in image.boxes if box.class_name in classes]
    return replace(image, file_name=name, source_name=None, boxes=boxes)


def _matched(here: Sequence[LabeledBox], there: Sequence[LabeledBox]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes have a partner of their class on the other side; the best pairs first, each box once."""
    found = np.zeros(len(here), np.bool_), np.zeros(len(there), np.bool_)
    if not here or not there:
        return found
    overlap = iou(_corners(here), _corners(there))
    same = np.array([[one.class_name == other.class_name for other in there] for one in here])
    overlap = np.where(same, overlap, 0.0)
    for place in np.argsort(-overlap, axis=None, kind="stable"):
        mine, other = divmod(int(place), len(there))
        if overlap[mine, other] < IOU:
            break
        if not found[0][mine] and not found[1][other]:
            found[0][mine] = found[1][other] = True
    return found


def _corners(boxes: Sequence[LabeledBox]) -> NDArray[np.float64]:
    return as_boxes([(box.x1, box.y1, box.x2, box.y2) for box in boxes])


def _class_score(reference: Dataset, found: Dataset, name: str) -> ClassScore:
    scored = evaluate(reference, found, [name])
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
