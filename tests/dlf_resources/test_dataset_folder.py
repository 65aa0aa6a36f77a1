"""write_dataset: pictures as every reader must see them, whole or not at all, and not twice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from other_datasets import changed

from dlf_core.errors import FactoryError, StoreError
from dlf_core.formats.dataset import Dataset
from dlf_resources.stores.dataset_folder import ATTRIBUTION, MANIFEST, MARKER, read_manifest, write_dataset

Make = Callable[..., tuple[Dataset, dict[str, Path]]]


def files(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_both_formats_and_a_manifest_are_written(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.encoded(odd.speckled(seed), "JPEG") for seed in range(3)])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    manifest = read_manifest(tmp_path / "out")
    assert manifest.pop("fingerprint") == dataset.fingerprint()
    assert manifest == {
        "name": "tiny",
        "formats": ["coco", "yolo"],
        "classes": ["person"],
        "images": 3,
        "boxes": 3,
        "splits": {"train": 2, "val": 1},
        "pictures": True,
    }
    coco = json.loads((tmp_path / "out" / "coco" / "annotations.json").read_bytes())
    assert [entry["file_name"] for entry in coco["images"]] == ["image0.jpg", "image1.jpg", "image2.jpg"]
    assert coco["annotations"][0]["bbox"] == [24, 16, 48, 16]
    label = tmp_path / "out" / "yolo" / "labels" / "val" / "image1.txt"
    assert label.read_text() == "0 0.5000000 0.3750000 0.5000000 0.2500000\n"
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_the_same_data_set_is_not_written_again(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat()])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    before = files(tmp_path / "out")
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is False
    assert write_dataset(dataset, raw, tmp_path / "out", ["yolo"]) is False
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["box", "split", "class"])
def test_a_changed_data_set_is_written_again_and_nothing_old_stays(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, change: str
) -> None:
    dataset, raw = make_dataset([odd.flat(), odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["yolo"])
    first, second = dataset.images
    other = {
        "box": changed(dataset, images=[first, dataclasses.replace(second, boxes=())]),
        "split": changed(dataset, images=[first, dataclasses.replace(second, split="train")]),
        "class": changed(dataset, classes=["person", "zebra"]),
    }[change]
    assert write_dataset(other, raw, tmp_path / "out", ["yolo"]) is True
    assert read_manifest(tmp_path / "out")["fingerprint"] == other.fingerprint() != dataset.fingerprint()
    old = tmp_path / "out" / "yolo" / "images" / "val" / "image1.jpg"
    assert old.exists() is (change != "split")


@pytest.mark.parametrize("damage", ["manifest missing", "manifest half", "format missing"])
def test_a_half_written_data_set_is_written_again(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, damage: str
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    out = tmp_path / "out"
    write_dataset(dataset, raw, out, ["coco", "yolo"])
    whole = set(files(out))
    if damage == "format missing":
        (out / "coco").rename(out / ".coco.old")
    elif damage == "manifest half":
        (out / MANIFEST).write_bytes((out / MANIFEST).read_bytes()[:20])
    else:
        (out / MANIFEST).unlink()
        (out / "coco" / "annotations.json").unlink()
        (out / ".yolo.new").mkdir()
    assert write_dataset(dataset, raw, out, ["coco", "yolo"]) is True
    assert set(files(out)) == whole
    assert sorted(path.name for path in out.iterdir()) == sorted(["coco", MANIFEST, ATTRIBUTION, "yolo"])


def test_a_run_that_dies_in_the_middle_leaves_no_manifest(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat(), odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    raw["image1"].unlink()
    other = changed(dataset, classes=["person", "zebra"])
    with pytest.raises(StoreError, match="cannot write the data set"):
        write_dataset(other, raw, tmp_path / "out", ["coco"])
    assert read_manifest(tmp_path / "out") == {}
    assert (tmp_path / "out" / "coco" / "annotations.json").exists()  # the old one, until the new one is whole


def test_formats_that_were_not_asked_for_stay_as_they_are(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    before = files(tmp_path / "out" / "coco")
    assert write_dataset(dataset, raw, tmp_path / "out", ["yolo"]) is True
    assert files(tmp_path / "out" / "coco") == before


def test_an_unknown_format_is_told_with_those_that_are_there_and_nothing_is_written(
    make_dataset: Make, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([])
    with pytest.raises(FactoryError, match=r"there is no format 'tfrecord'; there is: coco, yolo, voc, .*labels\.$"):
        write_dataset(dataset, raw, tmp_path / "out", ["coco", "tfrecord"])
    assert not (tmp_path / "out").exists()


def test_an_empty_data_set_is_written_too(make_dataset: Make, tmp_path: Path) -> None:
    dataset, raw = make_dataset([])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    assert json.loads((tmp_path / "out" / "coco" / "annotations.json").read_bytes())["images"] == []
    assert (tmp_path / "out" / "yolo" / "images" / "val").is_dir()


def test_a_folder_that_cannot_be_written_is_told(make_dataset: Make, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    dataset, raw = make_dataset([])
    with pytest.raises(StoreError, match="free some space or choose another data_root"):
        write_dataset(dataset, raw, tmp_path / "out", ["coco"])


@pytest.mark.parametrize("theirs", ["coco/val2017/a.jpg", "dataset.json"])
def test_what_is_not_ours_is_never_replaced(make_dataset: Make, odd: ModuleType, tmp_path: Path, theirs: str) -> None:
    dataset, raw = make_dataset([odd.flat()])
    file = tmp_path / "out" / theirs
    file.parent.mkdir(parents=True)
    file.write_text('{"mine": 1}')
    with pytest.raises(FactoryError, match="choose another --out or move"):
        write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"])
    assert list(files(tmp_path / "out")) == [theirs]
    assert file.read_text() == '{"mine": 1}'


def test_a_data_set_that_lost_an_image_is_not_called_unchanged(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"])
    image = next((tmp_path / "out" / "coco" / "images").iterdir())
    image.unlink()
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    assert image.is_file()


def test_a_folder_that_our_manifest_lists_is_ours_to_replace(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    first, raw = make_dataset([odd.flat()])
    write_dataset(first, raw, tmp_path / "out", ["coco"])
    (tmp_path / "out" / "coco" / MARKER).unlink()
    second, raw = make_dataset([odd.flat(), odd.flat(colour=(1, 2, 3))])
    assert write_dataset(second, raw, tmp_path / "out", ["coco"]) is True
    assert (tmp_path / "out" / "coco" / MARKER).is_file()
