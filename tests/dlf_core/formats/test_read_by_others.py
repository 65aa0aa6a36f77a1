"""What we write is read by the libraries that people train with."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset

Written = Callable[[str], Path]
Shown = dict[str, list[tuple[str, tuple[float, ...]]]]


@pytest.fixture
def written(dataset: Dataset, pictures: Pictures, tmp_path: Path) -> Written:
    def write(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        FORMATS[name].write(dataset, folder, pictures)
        return folder

    return write


def wanted(dataset: Dataset, split: str | None = None) -> Shown:
    """File name → class and corners in pixels of each box."""
    return {
        image.file_name: [
            (
                box.class_name,
                pytest.approx(
                    (box.x1 * image.width, box.y1 * image.height, box.x2 * image.width, box.y2 * image.height), abs=0.01
                ),
            )
            for box in image.boxes
        ]
        for image in dataset.images
        if split in (None, image.split)
    }


def shown(loaded: object) -> Shown:
    """The same of a data set of supervision."""
    assert all(image.ndim == 3 for _, image, _ in loaded)
    return {
        Path(path).name: [
            (loaded.classes[kind], tuple(box)) for kind, box in zip(found.class_id, found.xyxy.tolist(), strict=True)
        ]
        for path, _, found in loaded
    }


@pytest.mark.parametrize(("file", "split"), [("annotations", None), ("train", "train"), ("val", "val")])
def test_supervision_reads_coco(dataset: Dataset, written: Written, file: str, split: str | None) -> None:
    import supervision

    folder = written("coco")
    loaded = supervision.DetectionDataset.from_coco(str(folder / "images"), str(folder / f"{file}.json"))
    assert loaded.classes == dataset.classes
    assert shown(loaded) == wanted(dataset, split)


@pytest.mark.parametrize("split", ["train", "val"])
def test_supervision_reads_yolo(dataset: Dataset, written: Written, split: str) -> None:
    import supervision

    folder = written("yolo")
    loaded = supervision.DetectionDataset.from_yolo(
        str(folder / "images" / split), str(folder / "labels" / split), str(folder / "data.yaml")
    )
    assert loaded.classes == dataset.classes
    assert shown(loaded) == wanted(dataset, split)


def test_supervision_reads_voc(dataset: Dataset, written: Written) -> None:
    import supervision

    folder = written("voc")
    loaded = supervision.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    assert sorted(loaded.classes) == sorted(dataset.classes)
    assert shown(loaded) == wanted(dataset)


def test_pycocotools_finds_that_the_boxes_are_themselves(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(written("coco") / "annotations.json"))
    boxes = [dict(box, score=0.9) for box in truth.dataset["annotations"] if not box["iscrowd"]]
    judged = COCOeval(truth, truth.loadRes(boxes), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    assert judged.stats[0] == 1.0  # AP; the crowd counts neither way
    assert truth.loadImgs(1)[0]["license"] == truth.dataset["licenses"][0]["id"]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return tmp_path / "cache"


def test_datasets_loads_parquet_by_its_folder(dataset: Dataset, written: Written, offline: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(str(written("parquet")), cache_dir=str(offline))
    assert {str(split): len(rows) for split, rows in loaded.items()} == {"train": 3, "val": 1}
    for split in ("train", "val"):
        rows = loaded[split]
        names = rows.features["objects"]["category"].feature.names
        assert names == dataset.classes
        found: Shown = {}
        for row in rows:
            found[row["file_name"]] = [
                (names[kind], (x, y, x + width, y + height))
                for kind, (x, y, width, height) in zip(row["objects"]["category"], row["objects"]["bbox"], strict=True)
            ]
            assert row["image"].size == (row["width"], row["height"])
        assert found == wanted(dataset, split)


def test_datasets_knows_what_every_column_of_parquet_is(dataset: Dataset, written: Written, offline: Path) -> None:
    import datasets

    file = written("parquet") / "data" / "train-00000-of-00001.parquet"
    rows = datasets.load_dataset("parquet", data_files={"train": str(file)}, cache_dir=str(offline), split="train")
    assert isinstance(rows.features["image"], datasets.Image)
    assert rows.features["width"] == datasets.Value("int32")
    assert rows.features["objects"]["score"] == datasets.List(datasets.Value("float64"))
    first, before = rows[0], dataset.images[0]
    assert (first["image_id"], first["license"], first["bucket"]) == (before.image_id, before.license, before.bucket)
    assert first["objects"]["decision"] == ["approved", None]
    assert first["objects"]["score"] == [0.75, None]
    assert [len(row["objects"]["bbox"]) for row in rows] == [2, 1, 0]
    assert np.asarray(first["image"]).shape == (100, 200, 3)


def test_webdataset_decodes_every_sample(dataset: Dataset, written: Written) -> None:
    import webdataset

    folder = written("webdataset")
    found = {}
    for shard in sorted(folder.glob("*.tar")):
        for sample in webdataset.WebDataset(str(shard), shardshuffle=False).decode("pil"):
            (picture,) = (sample[kind] for kind in ("jpg", "png") if kind in sample)
            told = sample["json"]
            assert sample["__key__"] == told["image_id"]
            assert picture.size == (told["width"], told["height"])
            found[told["image_id"]] = shard.name, [box["class_name"] for box in told["boxes"]]
    assert found == {
        image.image_id: (f"{image.split}-000000.tar", [box.class_name for box in image.boxes])
        for image in dataset.images
    }


def test_pandas_users_find_the_label_table_flat_enough(dataset: Dataset, written: Written) -> None:
    import pyarrow.parquet as pq
    from PIL import Image

    folder = written("labels")
    rows = pq.read_table(folder / "labels.parquet").to_pylist()
    assert [row["n_bboxes"] for row in rows] == [2, 1, 0, 1]
    assert [row["n_approved"] for row in rows] == [1, 0, 0, 0]
    assert rows[0]["bboxes"]["x1"] == pytest.approx([20, 0])
    assert rows[0]["bboxes"]["area"] == pytest.approx([5000, 20000])
    for row in rows:
        content = (folder / "images" / row["file_name"]).read_bytes()
        assert Image.open(io.BytesIO(content)).size == (row["width"], row["height"])
