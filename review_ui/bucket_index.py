"""The boxes of one bucket as columns, with what people say laid over them: a million boxes are filtered at once.

Rows come from the review table, which holds every box with its scores and verdict as it was found, or as people had
left it when the table was made; the log says what it is now. A box of which somebody has spoken keeps its first corners
and class in the log (`Subject.seen`).
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dlf_core.candidate_states import CandidateState
from dlf_core.records import Decision
from dlf_core.reviews.operations import ClassedBox, Corners, subject_of_image
from dlf_core.reviews.state import Subject

DECISIONS = tuple(decision.value for decision in Decision)
IMAGE_COLUMNS = ("image_id", "state", "order", "path", "width", "height", "title", "url")
_NONE = DECISIONS.index(Decision.NONE.value)
_PERSON_DREW = "drawn"
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A box as it is in the table and in the log.

    Attributes:
        found: class and corners as the model gave them; None: drawn by hand.
        subject: what was said of it.
        carried: the subject is that of an earlier detection of the same object.
    """

    box_id: str
    row: Mapping[str, Any]
    found: ClassedBox | None
    subject: Subject | None
    carried: bool = False


class BucketIndex:
    """One bucket.

    Args:
        gathered: gather rows of `IMAGE_COLUMNS`.
        kept: image ids that the filter kept.
        review: the review table.
    """

    def __init__(self, gathered: pa.Table, kept: pa.Array, review: pa.Table):
        mine = pc.and_(pc.equal(gathered["state"], CandidateState.KEPT.value), pc.is_in(gathered["image_id"], kept))
        images = gathered.filter(mine).sort_by("image_id")
        self.image_ids: list[str] = images["image_id"].to_pylist()
        self._images = images
        places = pc.index_in(review["image_id"], pa.array(self.image_ids, pa.string())).combine_chunks()
        review = review.filter(places.is_valid())
        self._boxes = review.combine_chunks()
        self.of_image: NDArray[np.int32] = places.drop_null().to_numpy().astype(np.int32)  # ascending, as the table is
        self._starts = np.searchsorted(self.of_image, np.arange(len(self.image_ids) + 1))
        self.found_order: NDArray[np.int64] = images["order"].fill_null(0).to_numpy().astype(np.int64)
        self.classes, self.class_codes = _coded(self._boxes["class_name"])
        self.verdicts, self.verdict_codes = _coded(self._boxes["verdict"])
        self.queries, self.query_codes = _coded(self._boxes["query"])
        self.scores = _numbers(self._boxes["score"])
        self.p_yes = _numbers(self._boxes["p_yes"])
        self.decisions: NDArray[np.int8] = np.full(len(review), _NONE, np.int8)
        self.gone: Flags = np.zeros(len(review), np.bool_)
        self.image_decisions: NDArray[np.int8] = np.full(len(self.image_ids), _NONE, np.int8)
        self._carried = {
            row["carried_from"]: row["box_id"]
            for row in self._boxes.filter(self._boxes["carried_from"].is_valid())
            .select(["carried_from", "box_id"])
            .to_pylist()
        }
        # Decisions of the reviews file are in the table only, and so are those whose box had another id.
        self._take_table()
        self._subjects: dict[str, Subject] = {}
        self._drawn: dict[int, dict[str, Subject]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self.image_ids)

    def place(self, image_id: str) -> int | None:
        """The number of an image; None: it is not in the bucket."""
        at = bisect.bisect_left(self.image_ids, image_id)
        return at if at < len(self.image_ids) and self.image_ids[at] == image_id else None

    def image(self, place: int) -> dict[str, Any]:
        """The gather row of an image."""
        return dict(self._images.slice(place, 1).to_pylist()[0])

    def title(self, place: int) -> str:
        """What an image is called: by its title, by its file where it came from, or by its id."""
        row = self.image(place)
        file = PurePosixPath(unquote(urlsplit(row["url"] or "").path)).name
        return str(row["title"] or file or row["image_id"])

    def image_subject(self, place: int) -> Subject | None:
        """What was said of an image as a whole."""
        return self._subjects.get(subject_of_image(self.image_ids[place]))

    def boxes(self, place: int) -> list[FoundBox]:
        """The boxes of an image, drawn and deleted ones with them."""
        begin, end = int(self._starts[place]), int(self._starts[place + 1])
        found = [self._found(row) for row in self._boxes.slice(begin, end - begin).to_pylist()]
        here = {one.box_id for one in found}
        drawn = self._drawn.get(place, {})
        return found + [FoundBox(one, {}, None, subject) for one, subject in drawn.items() if one not in here]

    def drawn_count(self, place: int) -> int:
        """Boxes on an image that were drawn by hand, are there, and are not in the table yet."""
        return sum(not one.deleted for one in self._drawn.get(place, {}).values())

    def take(self, subject: Subject) -> None:
        """Somebody has said something of an image or box; of another bucket's nothing happens."""
        place = self.place(subject.image_id)
        if place is None:
            return
        known = self._subjects.get(subject.subject_id)
        if known is not None and known.version > subject.version:
            return
        self._subjects[subject.subject_id] = subject
        code = DECISIONS.index(subject.decision.value)
        if subject.is_image:
            self.image_decisions[place] = code
            return
        row = self._row(place, self._carried.get(subject.subject_id, subject.subject_id))
        if row is None:
            if subject.drawn_by is not None:
                self._drawn[place][subject.subject_id] = subject
            return
        if subject.subject_id in self._carried and self._boxes["box_id"][row].as_py() in self._subjects:
            return  # what was said of the box itself stands above what was said of the one before
        self.decisions[row] = code
        self.gone[row] = subject.deleted
        name = subject.class_name or (subject.seen.class_name if subject.seen else None)
        if name is not None:
            self.class_codes[row] = self._class_code(name)

    def undecided(self) -> Flags:
        """Boxes of which nobody has decided."""
        return (self.decisions == _NONE) & ~self.gone

    def counts(self, chosen: Flags) -> NDArray[np.int64]:
        """How many of some boxes each image has."""
        return np.bincount(self.of_image[chosen], minlength=len(self.image_ids))

    def doubt(self) -> NDArray[np.float64]:
        """Of each image that of its most uncertain undecided box, |p_yes − 0.5|; without such a box infinite.

        A box that was not verified is as uncertain as can be.
        """
        doubt = np.abs(np.nan_to_num(self.p_yes, nan=0.5) - 0.5)
        found = np.full(len(self.image_ids), np.inf)
        open_ = self.undecided()
        np.minimum.at(found, self.of_image[open_], doubt[open_])
        return found

    def titles(self) -> list[str]:
        """What each image is called and where it came from, in lower case."""
        names = (self._images[name].to_pylist() for name in ("title", "url", "image_id"))
        return [" ".join(word for word in words if word).lower() for words in zip(*names, strict=True)]

    def _take_table(self) -> None:
        decisions = pc.index_in(self._boxes["decision"], pa.array(DECISIONS)).fill_null(_NONE).to_numpy()
        self.decisions[:] = decisions
        self.gone[:] = pc.equal(self._boxes["edit"], "deleted").fill_null(False).to_numpy()

    def _row(self, place: int, box_id: str) -> int | None:
        begin, end = int(self._starts[place]), int(self._starts[place + 1])
        ids = self._boxes["box_id"].slice(begin, end - begin).to_pylist()
        at = bisect.bisect_left(ids, box_id)  # the table is sorted by image and box
        return begin + at if at < len(ids) and ids[at] == box_id else None

    def _found(self, row: dict[str, Any]) -> FoundBox:
        subject = self._subjects.get(row["box_id"])
        carried = False
        if subject is None and row["carried_from"] is not None:
            subject = self._subjects.get(row["carried_from"])
            carried = subject is not None
        if row["edit"] == _PERSON_DREW or (subject is not None and subject.drawn_by is not None):
            return FoundBox(row["box_id"], row, None, subject)
        return FoundBox(row["box_id"], row, (subject and subject.seen) or _classed(row), subject, carried)

    def _class_code(self, name: str) -> int:
        if name not in self.classes:
            self.classes.append(name)
        return self.classes.index(name)


def _classed(row: Mapping[str, Any]) -> ClassedBox:
    corners = Corners.model_construct(**{name: row[name] for name in ("x1", "y1", "x2", "y2")})
    return ClassedBox.model_construct(class_name=row["class_name"], corners=corners)


def _coded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    """The words of a column and the number of each row's; −1 where there is none."""
    array = pc.dictionary_encode(column).combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary.to_pylist(), array.indices.fill_null(-1).to_numpy().astype(np.int32)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return column.cast(pa.float64()).fill_null(np.nan).to_numpy().astype(np.float64)
