"""Reviews of data-label-factory 0.1: `labels/reviews.json`, which its page wrote.

    {"raw/positive/cups/a.jpg": {"image_path": …, "bboxes": [{"x1_norm": …, "y1_norm": …, "x2_norm": …, "y2_norm": …,
        "query": …, "verdict": "approved" | "rejected" | "unsure", "note": …}], "image_verdict": …, "reviewed_at": …}}

A verdict there belongs to a box by its place in a list. Here each becomes an operation on a box that was found there,
of that class; the box of today that is the same object takes it over (`dlf_core/reviews/merging.py`).
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from dlf_core.errors import FormatError
from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_core.reviews.operations import NOTE_LETTERS, OPERATION, ClassedBox, Corners, Operation
from dlf_resources.projects import tables_of
from dlf_resources.reviews.log import ReviewLog

REVIEWER = "data-label-factory 0.1"
_NAMES = uuid.UUID("6f1d3f0e-6a0c-4f57-9c7a-0d1f3b5c7e91")
"""Of the operations: an import that is repeated says nothing twice."""
_AT_ONCE = 500


class _Box(BaseModel):
    x1_norm: float
    y1_norm: float
    x2_norm: float
    y2_norm: float
    query: str
    verdict: Decision | None = None
    note: str | None = None


class _Image(BaseModel):
    bboxes: Annotated[list[_Box], Field(default_factory=list)]
    image_verdict: Decision | None = None


_FILE: TypeAdapter[dict[str, _Image]] = TypeAdapter(dict[str, _Image])


class Imported(BaseModel):
    """What came of an import: images, verdicts on boxes, and a sentence for each thing that was left out."""

    images: int = 0
    verdicts: int = 0
    already_there: int = 0
    problems: list[str] = []


def import_original(project: Project, log: ReviewLog, file: Path) -> Imported:
    """Bring the reviews of a file into a project's log.

    Raises:
        FormatError: it is no such file.
        StoreError: the log cannot be written.
    """
    try:
        reviews = _FILE.validate_json(file.read_bytes())
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise FormatError(f"{file}: is no reviews.json of data-label-factory 0.1: {where}{first['msg']}.") from None
    known = _image_ids(project)
    found = Imported()
    said: list[tuple[Operation, ClassedBox | None]] = []
    for path, image in reviews.items():
        place = _placed(path, known)
        if place is None:
            found.problems.append(f"{path}: no gathered image is called so, or several are")
            continue
        before = len(said)
        said += _operations(project, path, image, *place, problems=found.problems)
        found.images += len(said) > before
    for begin in range(0, len(said), _AT_ONCE):
        some = said[begin : begin + _AT_ONCE]
        seen = {op.subject_id: box for op, box in some}
        for outcome in log.append([op for op, _ in some], lambda op, seen=seen: seen[op.subject_id]):  # type: ignore[misc]
            if getattr(outcome, "again", False):
                found.already_there += 1
            elif outcome.op.kind == "verdict":
                found.verdicts += 1
    return found


def _operations(
    project: Project, path: str, image: _Image, bucket: str, image_id: str, *, problems: list[str]
) -> Iterator[tuple[Operation, ClassedBox | None]]:
    told: dict[str, Any] = {"bucket": bucket, "image_id": image_id, "reviewer": REVIEWER}

    def operation(kind: str, value: object, base: int, name: str, **more: Any) -> Operation:
        op_id = uuid.uuid5(_NAMES, f"{project.project_name}\n{path}\n{name}\n{kind}")
        return OPERATION.validate_python(
            told | more | {"kind": kind, "value": value, "base_version": base, "op_id": op_id}
        )

    for number, box in enumerate(image.bboxes):
        if box.verdict is None and not box.note:
            continue
        class_name = project.class_map.get(box.query)
        if class_name is None:
            problems.append(f"{path}: the project asks no query '{box.query}'")
            continue
        try:
            corners = Corners(x1=box.x1_norm, y1=box.y1_norm, x2=box.x2_norm, y2=box.y2_norm)
        except ValidationError:
            problems.append(f"{path}: box {number + 1} lies outside of its image")
            continue
        seen = ClassedBox(class_name=class_name, corners=corners)
        box_id = hashlib.sha256(f"{REVIEWER}\n{image_id}\n{box.query}\n{corners}".encode()).hexdigest()[:32]
        base = 0
        if box.verdict is not None:
            yield operation("verdict", box.verdict, base, str(number), box_id=box_id), seen
            base = 1
        if box.note:
            yield operation("note", box.note[:NOTE_LETTERS], base, str(number), box_id=box_id), seen
    if image.image_verdict is not None:
        yield operation("image_verdict", image.image_verdict, 0, "image"), None


def _image_ids(project: Project) -> dict[str, dict[str, set[str]]]:
    """Bucket → file name where it came from, or here → ids of the images that are called so."""
    found: dict[str, dict[str, set[str]]] = {}
    tables = tables_of(project)
    for bucket, key in project.partition_keys().items():
        names: dict[str, set[str]] = defaultdict(set)
        table = tables.read("gather", key, ["image_id", "state", "url", "path"])
        for row in table.to_pylist() if table is not None else ():
            if row["state"] == "kept":
                for name in (urlsplit(row["url"] or "").path, row["path"] or ""):
                    names[PurePosixPath(unquote(name)).name].add(row["image_id"])
        found[bucket] = names
    return found


def _placed(path: str, known: dict[str, dict[str, set[str]]]) -> tuple[str, str] | None:
    """Bucket and id of the image that 0.1 kept under a path."""
    name = PurePosixPath(path).name
    inside = [bucket for bucket in known if f"/{bucket}/" in f"/{path}"]
    for buckets in (inside, list(known)):
        found = {(bucket, image_id) for bucket in buckets for image_id in known[bucket].get(name, ())}
        if len({image_id for _, image_id in found}) == 1:
            return min(found)
    return None
