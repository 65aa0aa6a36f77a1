"""Data sets drawn at random, the pictures that go with them, and whether one came back from a format."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from PIL import Image

from dlf_core.formats.base import Format
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

CORNERS = ("x1", "y1", "x2", "y2")
ODD = ("a \"b\" 'c'", "<d> & ]]> &amp;", "e, f; g", "größe ⚠ 🚧 \u2028x", "null", "7", "- x: [y]", "%d {0} \\n")
# XML cannot hold the other control characters; `test_forbidden_characters.py` says what becomes of them.
_LETTERS = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
)
_TEXT = st.sampled_from(["", " ", "two\nlines\r\n\tand a half ", *ODD]) | st.text(_LETTERS, max_size=12)
NAMES = _TEXT.filter(str.strip)
_KNOWN = st.none() | _TEXT
_SCORES = st.none() | st.floats(0, 1)


@st.composite
def _boxes(draw: st.DrawFn, classes: list[str]) -> LabeledBox:
    (x1, x2), (y1, y2) = (sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))) for _ in "xy")
    words = "box_id", "query", "score_kind", "backend", "model", "verdict", "decision", "reasoning"
    told = {name: draw(_KNOWN) for name in words}
    name = draw(st.sampled_from(classes))
    scores = {"score": draw(_SCORES), "p_yes": draw(_SCORES)}
    return LabeledBox(name, x1, y1, x2, y2, **told, **scores, crowd=draw(st.booleans()))


@st.composite
def any_dataset(draw: st.DrawFn, largest: int = 20_000, names: st.SearchStrategy[str] = NAMES) -> Dataset:
    """A data set of up to four images of up to `largest` pixels a side."""
    classes = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    images = []
    for image_id in draw(st.lists(st.from_regex(r"[0-9a-f]{4}", fullmatch=True), max_size=4, unique=True)):
        width, height = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
        words = "bucket", "source_name", "license", "license_url", "author", "attribution", "url", "page", "title"
        images.append(
            LabeledImage(
                image_id,
                f"{image_id}.{draw(st.sampled_from(['jpg', 'png']))}",
                width,
                height,
                draw(st.sampled_from(["train", "val", "test"])),
                boxes=draw(st.lists(_boxes(classes), max_size=6)),
                **{name: draw(_KNOWN) for name in words},
            )
        )
    return Dataset.of(draw(_TEXT), classes, images, draw(_TEXT))


class PlainPictures:
    """A grey picture of its size for every image."""

    at_once = 4

    def __init__(self, dataset: Dataset):
        self.sizes = {image.image_id: (image.width, image.height) for image in dataset.images}

    def place(self, image_id: str, target: Path) -> None:
        target.write_bytes(self.read(image_id, target.name))

    def read(self, image_id: str, file_name: str) -> bytes:
        buffer = io.BytesIO()
        kind = {".jpg": "JPEG", ".png": "PNG"}[Path(file_name).suffix]
        Image.new("L", self.sizes[image_id], 128).save(buffer, kind)
        return buffer.getvalue()


def assert_came_back(
    kind: Format, before: Dataset, after: Dataset, as_text: Callable[[object], object] = lambda text: text
) -> None:
    """Everything that the format promises is as it was; `as_text` is what became of every text."""
    assert after.classes == [as_text(name) for name in before.classes]
    found = {image.image_id: image for image in after.images}
    assert sorted(found) == sorted(image.image_id for image in before.images)
    assert len(after.images) == len(found)
    for image in before.images:
        again = found[image.image_id]
        for name in kind.image_fields:
            assert getattr(again, name) == as_text(getattr(image, name)), name
        assert len(again.boxes) == len(image.boxes)
        for old, new in zip(image.boxes, again.boxes, strict=True):
            for name in kind.box_fields - set(CORNERS):
                assert getattr(new, name) == as_text(getattr(old, name)), name
            sides = image.width, image.height, image.width, image.height
            pixels, wanted = (
                [getattr(box, name) * side for name, side in zip(CORNERS, sides, strict=True)] for box in (new, old)
            )
            assert pixels == pytest.approx(wanted, abs=0.01)
