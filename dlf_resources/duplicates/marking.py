"""Which images of a gather stay: of each picture the largest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import FactoryError
from dlf_core.hash_index import HashIndex, hashes_of
from dlf_core.licenses import UNKNOWN
from dlf_core.project import Project
from dlf_resources.duplicates.fingerprint import Fingerprints
from dlf_resources.duplicates.library import Library, library_of
from dlf_resources.duplicates.same_picture import RADIUS, Verdict, closer_look, compare
from dlf_resources.stores.stage_tables import StageTables

Row = dict[str, Any]
Places = NDArray[np.int64]

_BLOCK = 256
"""Images that are compared with each other at once."""
_MANY = 4 * _BLOCK
"""Pairs within a block that are compared all at once."""
_MOST_LOOKS = 8
"""Closer looks for one image. Among a thousand letters on one form each would get a thousand."""


def mark_duplicates(project: Project, tables: StageTables, own: str, rows: Sequence[Row]) -> None:
    """Set `state`, `reason`, `duplicate_of`, `mirrored` and `near_duplicates` of the rows that have an image.

    Equal bytes within the bucket are one image, the first. Of one picture in several sizes the largest stays, of
    equally large ones the first; an image of another bucket stays in any case, and what is not larger than it goes. (A
    smaller one there goes when that bucket is gathered next.)

    Args:
        project: says where duplicates are looked for.
        tables: of the project's store.
        own: partition key of the rows.
        rows: rows of the gather table, in order.
    """
    images = _without_equal_bytes(rows)
    library = library_of(project, tables, own)
    _mark_equal_bytes_elsewhere(images, library)
    if not project.duplicates.near:
        return
    seen = [row for row in images if row["state"] == CandidateState.KEPT and row["fingerprint"] is not None]
    # The largest first, so that what is met later is never larger than what stays.
    seen.sort(key=lambda row: -row["width"] * row["height"])
    # Its matrices are small: several threads take six times as long for them as one (measured).
    with threadpool_limits(1, user_api="blas"):
        _Marking(tables, library, seen).run()
    _name_what_stays(rows)


def _without_equal_bytes(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    images = [row for row in rows if row["state"] in (CandidateState.KEPT, CandidateState.DUPLICATE)]
    for row in images:
        row |= {"state": str(CandidateState.KEPT), "duplicate_of": None, "reason": None, "mirrored": None}
        row["near_duplicates"] = []
        original = first.setdefault(row["image_id"], row)
        if original["license_family"] == UNKNOWN != row["license_family"]:
            first[row["image_id"]] = row  # it is worth more with an owner
    for row in images:
        original = first[row["image_id"]]
        if original is not row:
            _mark(row, row["image_id"], f"the same bytes as {original['title'] or original['url']}")
    return list(first.values())


def _mark_equal_bytes_elsewhere(images: Sequence[Row], library: Library) -> None:
    if not len(library):
        return
    known = {image_id: place for place, image_id in enumerate(library.image_ids.to_pylist())}
    for row in images:
        place = known.get(row["image_id"])
        if place is not None and library.stays_before(place, int(library.pixels[place]), row["fetched_at"]):
            where = library.keys[int(library.partitions[place])]
            _mark(row, row["image_id"], f"the same bytes are in {where}")


def _name_what_stays(rows: Sequence[Row]) -> None:
    """Let what has the bytes of a duplicate name what that is a duplicate of."""
    stays = {row["image_id"]: row["duplicate_of"] for row in rows if row["duplicate_of"] not in (None, row["image_id"])}
    for row in rows:
        if row["duplicate_of"] in stays:
            row["duplicate_of"] = stays[row["duplicate_of"]]


def _mark(row: Row, original: str, reason: str, mirrored: bool = False) -> None:
    row |= {"state": str(CandidateState.DUPLICATE), "duplicate_of": original, "reason": reason, "mirrored": mirrored}


class _Marking:
    """One pass over the images, from the largest to the smallest.

    An image is compared with those only that stay: a thousand frames of one fixed camera are some thousand comparisons,
    not half a million.
    """

    def __init__(self, tables: StageTables, library: Library, rows: list[Row]):
        self._tables = tables
        self._library = library
        self._rows = rows
        self._prints = Fingerprints.of([row["fingerprint"] for row in rows], hashes_of([row["phash"] for row in rows]))
        self._mirrored = hashes_of([row["phash_mirrored"] for row in rows])
        self._pixels = np.array([row["width"] * row["height"] for row in rows], np.int64)
        self._stays = np.ones(len(rows), np.bool_)

    def run(self) -> None:
        """Mark the rows."""
        self._against_library()
        index = HashIndex(self._prints.hashes)
        for begin in range(0, len(self._rows), _BLOCK):
            end = min(begin + _BLOCK, len(self._rows))
            numbers, others = self._near(index, begin, end, first=end)
            chosen = (others < numbers) & self._stays[numbers] & self._stays[others]
            numbers, others = numbers[chosen], others[chosen]
            before = others < begin
            self._against_own(numbers[before], others[before])
            numbers, others = numbers[~before], others[~before]
            # Of many like pictures, all are compared with the first of them, and what is left with the first of that.
            while len(numbers) > _MANY:
                first = int(others.min())
                self._against_own(numbers[others == first], others[others == first])
                left = (others > first) & self._stays[numbers] & self._stays[others]
                numbers, others = numbers[left], others[left]
            self._against_own(numbers, others)

    def _near(self, index: HashIndex, begin: int, end: int, first: int | None = None) -> tuple[Places, Places]:
        """Pairs of an image of a block and another place in an index, by either hash; each once, in order."""
        pairs = [index.near(hashes[begin:end], RADIUS, first) for hashes in (self._prints.hashes, self._mirrored)]
        every = np.unique(np.concatenate([np.stack(pair, axis=1) for pair in pairs]), axis=0)
        return every[:, 0] + begin, every[:, 1]

    def _against_library(self) -> None:
        if not len(self._library):
            return
        numbers, places = self._near(HashIndex(self._library.hashes), 0, len(self._rows))
        there = self._library.fingerprints(self._tables, sorted(set(places.tolist())))
        known = np.array([place in there for place in places.tolist()], np.bool_)
        numbers, places = numbers[known], places[known]
        thumbs = [there[place][0] for place in places.tolist()]
        verdict = self._compared(numbers, Fingerprints.of(thumbs, self._library.hashes[places]))
        looks: Counter[int] = Counter()
        for at in _likest_first(verdict):
            number, place = int(numbers[at]), int(places[at])
            if not self._is_same(verdict, at, number, there[place][1], looks):
                continue
            row, other = self._rows[number], self._library.image_id(place)
            row["near_duplicates"].append(other)
            pixels, fetched = int(self._pixels[number]), row["fetched_at"]
            if self._stays[number] and self._library.stays_before(place, pixels, fetched):
                self._stays[number] = False
                where = self._library.keys[int(self._library.partitions[place])]
                mirrored = bool(verdict.mirrored[at])
                _mark(row, other, f"{_how(mirrored)} {other} in {where}", mirrored)

    def _against_own(self, numbers: Places, others: Places) -> None:
        """Mark images that show the same as one before them that stays."""
        chosen = self._stays[numbers] & self._stays[others]
        numbers, others = numbers[chosen], others[chosen]
        verdict = self._compared(numbers, self._prints.take(others))
        looks: Counter[int] = Counter()
        order = _likest_first(verdict)
        for at in order[np.argsort(numbers[order], kind="stable")]:
            number, other = int(numbers[at]), int(others[at])
            if not (self._stays[number] and self._stays[other]):
                continue  # found already; and what is a duplicate itself judges nobody: its original does
            if self._is_same(verdict, at, number, self._rows[other]["path"], looks):
                self._stays[number] = False
                row, original, mirrored = self._rows[number], self._rows[other], bool(verdict.mirrored[at])
                _mark(row, original["image_id"], f"{_how(mirrored)} {original['title'] or original['url']}", mirrored)
                row["near_duplicates"].append(original["image_id"])

    def _compared(self, numbers: Places, others: Fingerprints) -> Verdict:
        return compare(self._prints.take(numbers), self._mirrored[numbers], others)

    def _is_same(self, verdict: Verdict, at: int, number: int, path: str, looks: Counter[int]) -> bool:
        if verdict.same[at]:
            return True
        looks[number] += 1
        if looks[number] > _MOST_LOOKS:
            return False
        mine, other = self._read(self._rows[number]["path"]), self._read(path)
        return mine is not None and other is not None and closer_look(mine, other, bool(verdict.mirrored[at]))

    def _read(self, path: str) -> bytes | None:
        try:
            return self._tables.store.get(path)
        except FactoryError:
            return None  # it is gone, and the stage that needs it will tell


def _likest_first(verdict: Verdict) -> Places:
    """Pairs that are or may be the same, those with the best scores first."""
    found = np.flatnonzero(verdict.same | verdict.doubtful)
    return found[np.argsort(-verdict.score[found], kind="stable")]


def _how(mirrored: bool) -> str:
    return "the mirror image of" if mirrored else "the same picture as"
