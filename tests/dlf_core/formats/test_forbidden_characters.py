"""Control characters: JSON, YAML and Parquet hold them, XML cannot, and there each becomes a replacement character."""

from __future__ import annotations

from pathlib import Path

import pytest
from any_datasets import PlainPictures, assert_came_back

from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

FORBIDDEN = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))
ODD = f"a{FORBIDDEN}b"


def replaced(text: object) -> object:
    return text.translate(dict.fromkeys(map(ord, FORBIDDEN), "\ufffd")) if isinstance(text, str) else text


def unchanged(text: object) -> object:
    return text


def through(name: str, dataset: Dataset, folder: Path) -> Dataset:
    FORMATS[name].write(dataset, folder, PlainPictures(dataset))
    return FORMATS[name].read(folder)


@pytest.mark.parametrize("name", FORMATS)
def test_they_stay_in_what_is_known_where_the_format_can_hold_them(name: str, tmp_path: Path) -> None:
    told = dict.fromkeys(["box_id", "query", "score_kind", "backend", "model", "verdict", "decision", "reasoning"], ODD)
    rights = dict.fromkeys(["bucket", "source_name", "license", "license_url", "author", "url", "title"], ODD)
    image = LabeledImage("1", "1.png", 9, 8, "train", boxes=[LabeledBox("a", 0, 0, 1, 1, **told)], **rights)
    dataset = Dataset.of(ODD, ["a"], [image], ODD)
    as_text = replaced if name in ("voc", "cvat") else unchanged
    assert_came_back(FORMATS[name], dataset, through(name, dataset, tmp_path), as_text)


@pytest.mark.parametrize("name", FORMATS)
def test_a_class_is_one_class_whatever_became_of_its_name(name: str, tmp_path: Path) -> None:
    image = LabeledImage("1", "1.png", 9, 8, "train", boxes=[LabeledBox(ODD, 0, 0, 1, 1, box_id="b")])
    dataset = Dataset.of("odd", ["unused", ODD], [image])
    # The labels of a Label Studio project stand in XML beside its JSON.
    as_text = replaced if name in ("voc", "cvat", "label-studio") else unchanged
    assert_came_back(FORMATS[name], dataset, through(name, dataset, tmp_path), as_text)
