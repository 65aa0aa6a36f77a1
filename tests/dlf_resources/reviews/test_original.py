"""What people decided with data-label-factory 0.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from finished_projects import CORNERS, Finished, box, image_id

from dlf_core.errors import FormatError
from dlf_core.flat_boxes import FlatBox
from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_core.reviews.merging import merged
from dlf_resources.reviews.log import ReviewLog
from dlf_resources.reviews.original import import_original

BUCKET = "positive/x"


def told(query: str = "person", verdict: str | None = "approved", **more: Any) -> dict[str, Any]:
    """A box as 0.1 kept it: pixels and much else stand beside what counts."""
    x1, y1, x2, y2 = CORNERS
    corners = {"x1_norm": x1, "y1_norm": y1, "x2_norm": x2, "y2_norm": y2, "x1": 9, "area_fraction": 0.2}
    said = {} if verdict is None else {"verdict": verdict}
    return corners | {"query": query, "vlm_verdict": "YES"} | said | more


def put(folder: Path, reviews: object) -> Path:
    file = folder / "reviews.json"
    file.write_text(reviews if isinstance(reviews, str) else json.dumps(reviews))
    return file


def image(*boxes: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"image_path": "x", "bucket": BUCKET, "width": 96, "height": 64, "reviewed_at": "2026-01-02T03:04:05Z"}
    return about | {"bboxes": list(boxes)} | more


@pytest.fixture
def finished(project: Project) -> Project:
    return Finished(project).image(1, box("b" * 32)).image(2).write()


@pytest.fixture
def log(tmp_path: Path) -> ReviewLog:
    return ReviewLog(tmp_path / "log.sqlite3")


def test_a_verdict_comes_to_the_box_that_is_there_now(finished: Project, log: ReviewLog, tmp_path: Path) -> None:
    reviews = {
        f"raw/{BUCKET}/1.jpg": image(told(verdict="rejected", note="a statue"), told(verdict=None)),
        f"raw/{BUCKET}/2.jpg": image(image_verdict="approved"),
    }
    found = import_original(finished, log, put(tmp_path, reviews))
    assert (found.images, found.verdicts, found.already_there, found.problems) == (2, 1, 0, [])
    now = FlatBox("b" * 32, image_id(1), "person", "person", *CORNERS, 0.9, "detector", "embedded", "m")
    (one,), lost = merged([now], log.subjects())
    assert one.subject is not None
    assert (one.subject.decision, one.subject.note, lost) == (Decision.REJECTED, "a statue", [])
    (whole,) = [subject for subject in log.subjects() if subject.is_image]
    assert (whole.image_id, whole.decision) == (image_id(2), Decision.APPROVED)


def test_the_same_file_again_says_nothing_twice(finished: Project, log: ReviewLog, tmp_path: Path) -> None:
    file = put(tmp_path, {f"raw/{BUCKET}/1.jpg": image(told(note="x"))})
    import_original(finished, log, file)
    again = import_original(finished, log, file)
    assert (again.verdicts, again.already_there, len(log.events())) == (0, 2, 2)


def test_what_cannot_be_placed_is_named(finished: Project, log: ReviewLog, tmp_path: Path) -> None:
    reviews = {
        f"raw/{BUCKET}/9.jpg": image(told()),
        "raw/elsewhere/1.jpg": image(told("cup"), told(x2_norm=7.0), told()),
    }
    found = import_original(finished, log, put(tmp_path, reviews))
    assert (found.images, found.verdicts) == (1, 1)
    assert [text.split(": ", 1)[1] for text in found.problems] == [
        "no gathered image is called so, or several are",
        "the project asks no query 'cup'",
        "box 2 lies outside of its image",
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', '{"x": {"bboxes": [{"verdict": "maybe"}]}}'])
def test_what_is_no_such_file_is_a_sentence(finished: Project, log: ReviewLog, tmp_path: Path, content: str) -> None:
    with pytest.raises(FormatError, match=r"reviews\.json: is no reviews\.json of data-label-factory 0\.1"):
        import_original(finished, log, put(tmp_path, content))
    with pytest.raises(FormatError, match=r"nowhere\.json: cannot be read"):
        import_original(finished, log, tmp_path / "nowhere.json")
