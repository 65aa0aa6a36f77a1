"""What we write for CVAT and Label Studio is what their documentation says they import."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from any_datasets import any_dataset
from hypothesis import HealthCheck, given, settings
from lxml import etree

from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset

SCHEMAS = Path(__file__).parents[2] / "schemas"
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def cvat() -> etree.XMLSchema:
    return etree.XMLSchema(file=str(SCHEMAS / "cvat_for_images_1_1.xsd"))


@quick
@given(dataset=any_dataset())
def test_what_cvat_gets_fits_its_schema(cvat: etree.XMLSchema, dataset: Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        FORMATS["cvat"].write(dataset, Path(folder), None)
        document = etree.parse(str(Path(folder) / "annotations.xml"))
    cvat.assertValid(document)
    sizes = {
        task.findtext("subset"): int(task.findtext("size")) for task in document.findall("meta/project/tasks/task")
    }
    assert sizes == Counter(image.split for image in dataset.images) == Counter(document.xpath("image/@subset"))


def test_cvat_declares_every_attribute_that_a_box_has(dataset: Dataset, tmp_path: Path) -> None:
    FORMATS["cvat"].write(dataset, tmp_path, None)
    document = etree.parse(str(tmp_path / "annotations.xml"))
    used = set(document.xpath("image/box/attribute/@name"))
    labels = document.findall("meta/project/labels/label")
    assert len(labels) == 2
    for label in labels:
        assert set(label.xpath("attributes/attribute/name/text()")) == used
    assert {"box_id", "query", "crowd"} <= used
    assert "reasoning" not in used


def test_cvat_says_which_boxes_a_person_has_approved(dataset: Dataset, tmp_path: Path) -> None:
    FORMATS["cvat"].write(dataset, tmp_path, None)
    document = etree.parse(str(tmp_path / "annotations.xml"))
    assert document.xpath("image/box/@source") == ["manual", "auto", "auto", "auto"]


def tasks_of(dataset: Dataset, pictures: Pictures | None, folder: Path) -> list[dict[str, Any]]:
    FORMATS["label-studio"].write(dataset, folder, pictures)
    found: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    return found


@quick
@given(dataset=any_dataset())
def test_what_label_studio_gets_has_what_its_task_format_asks_for(dataset: Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tasks = tasks_of(dataset, None, Path(folder))
        interface = etree.parse(str(Path(folder) / "config.xml"))
    (rectangles,) = interface.findall("RectangleLabels")
    (picture,) = interface.findall("Image")
    labels = {label.get("value") for label in rectangles}
    assert [task["id"] for task in tasks] == list(range(1, len(dataset.images) + 1))
    for task in tasks:
        assert isinstance(task["data"][picture.get("value").removeprefix("$")], str)
        for done in task["annotations"] + task["predictions"]:
            regions = done["result"]
            assert regions
            for region in regions:
                names = {name: region[name] for name in ("type", "from_name", "to_name", "image_rotation")}
                tags = {"from_name": rectangles.get("name"), "to_name": picture.get("name")}
                assert names == {"type": "rectanglelabels", **tags, "image_rotation": 0}
                assert rectangles.get("toName") == picture.get("name")
                assert isinstance(region["id"], str)
                assert region["original_width"] >= 1 <= region["original_height"]
                value = region["value"]
                assert set(value) == {"x", "y", "width", "height", "rotation", "rectanglelabels"}
                assert all(0 <= value[name] <= 100 for name in ("x", "y", "width", "height"))
                assert value["x"] + value["width"] <= 100 + 1e-9
                assert set(value["rectanglelabels"]) <= labels
        for guess in task["predictions"]:
            assert isinstance(guess["model_version"], str)


def test_what_a_person_approved_is_an_annotation_and_the_rest_is_a_prediction(dataset: Dataset, tmp_path: Path) -> None:
    tasks = tasks_of(dataset, None, tmp_path)
    assert [(len(task["annotations"]), len(task["predictions"])) for task in tasks] == [(1, 0), (0, 1), (0, 0), (0, 1)]


def test_the_pictures_lie_where_label_studio_is_told_to_look(
    dataset: Dataset, pictures: Pictures, tmp_path: Path
) -> None:
    for task in tasks_of(dataset, pictures, tmp_path):
        address = urlsplit(task["data"]["image"])
        assert address.path == "/data/local-files/"
        (place,) = parse_qs(address.query)["d"]
        assert (tmp_path / place).is_file()


def test_regions_of_a_task_have_ids_of_their_own(dataset: Dataset, tmp_path: Path) -> None:
    for task in tasks_of(dataset, None, tmp_path):
        for done in task["annotations"] + task["predictions"]:
            ids = [region["id"] for region in done["result"]]
            assert len(set(ids)) == len(ids)
