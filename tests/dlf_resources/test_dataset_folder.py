"""write_dataset: pictures as every reader must see them, whole or not at all, and not twice."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from dlf_core.errors import FactoryError, StoreError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_resources.images import Limits, inspect, open_upright
from dlf_resources.stores.dataset_folder import MANIFEST, file_name_of, read_manifest, write_dataset

BOX = LabeledBox("person", 0.25, 0.25, 0.75, 0.5, box_id="b1", verdict="YES", decision="none")

Make = Callable[..., tuple[Dataset, dict[str, Path]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A data set of raw files with these contents, a box on each."""

    def build(contents: Sequence[bytes], boxes: Sequence[LabeledBox] = (BOX,)) -> tuple[Dataset, dict[str, Path]]:
        images: list[LabeledImage] = []
        raw: dict[str, Path] = {}
        for number, content in enumerate(contents):
            facts = inspect(content, Limits())
            image_id = f"image{number}"
            raw[image_id] = tmp_path / "raw" / f"{image_id}.{facts.extension}"
            raw[image_id].parent.mkdir(exist_ok=True)
            raw[image_id].write_bytes(content)
            name = file_name_of(image_id, facts.format)
            split = "train" if number % 2 == 0 else "val"
            images.append(LabeledImage(image_id, name, facts.width, facts.height, split, boxes=boxes))
        return Dataset("tiny", ["person"], images), raw

    return build


def picture(folder: Path, name: str = "image0.jpg") -> Image.Image:
    image = Image.open(folder / "coco" / "images" / name)
    image.load()
    return image


def files(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_both_formats_and_a_manifest_are_written(make: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make([odd.encoded(odd.speckled(seed), "JPEG") for seed in range(3)])
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
    }
    coco = json.loads((tmp_path / "out" / "coco" / "annotations.json").read_bytes())
    assert [entry["file_name"] for entry in coco["images"]] == ["image0.jpg", "image1.jpg", "image2.jpg"]
    assert coco["annotations"][0]["bbox"] == [24, 16, 48, 16]
    label = tmp_path / "out" / "yolo" / "labels" / "val" / "image1.txt"
    assert label.read_text() == "0 0.500000 0.375000 0.500000 0.250000\n"
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_plain_picture_is_the_gathered_file_itself(make: Make, odd: ModuleType, tmp_path: Path, kind: str) -> None:
    dataset, raw = make([odd.encoded(odd.speckled(1), kind)])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    placed = tmp_path / "out" / "coco" / "images" / dataset.images[0].file_name
    assert placed.samefile(raw["image0"])


def test_where_the_disk_knows_no_links_it_is_a_copy(
    make: Make, odd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    dataset, raw = make([odd.flat()])
    monkeypatch.setattr(os, "link", refuse)
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    placed = tmp_path / "out" / "coco" / "images" / "image0.jpg"
    assert not placed.samefile(raw["image0"])
    assert placed.read_bytes() == raw["image0"].read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_a_turned_picture_is_exported_upright_and_says_so(
    make: Make, odd: ModuleType, tmp_path: Path, kind: str, orientation: int
) -> None:
    dataset, raw = make([odd.turned(odd.cornered(), orientation, kind)])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    image = picture(tmp_path / "out", dataset.images[0].file_name)
    assert image.format == kind
    assert image.getexif().get(0x0112, 1) == 1
    assert image.size == (96, 64)
    assert image.getpixel((5, 5)) == pytest.approx(odd.RED, abs=12)
    assert image.getpixel((90, 60)) == pytest.approx(odd.BLUE, abs=12)


@pytest.mark.parametrize("case", ["cmyk", "gif", "apng", "palette", "la", "grey16", "rgb16", "tiff", "mpo", "webp"])
def test_any_other_picture_becomes_8_bit_rgb_of_one_frame(
    make: Make, odd: ModuleType, tmp_path: Path, case: str
) -> None:
    import numpy as np

    content = {
        "cmyk": odd.cmyk_jpeg,
        "gif": lambda: odd.animation("GIF"),
        "apng": lambda: odd.animation("PNG"),
        "webp": lambda: odd.animation("WEBP"),
        "palette": odd.clear_palette_png,
        "la": lambda: odd.encoded(odd.half_clear("LA"), "PNG"),
        "grey16": lambda: odd.grey16_png(np.full((64, 96), 257 * 90)),
        "rgb16": lambda: odd.rgb16_png(96, 64, (65535, 257 * 90, 0)),
        "tiff": lambda: odd.float_tiff(np.ones((64, 96))),
        "mpo": lambda: odd.encoded(odd.cornered(), "MPO", save_all=True, append_images=[odd.speckled(1)]),
    }[case]()
    dataset, raw = make([content])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    placed = tmp_path / "out" / "coco" / "images" / dataset.images[0].file_name
    image = picture(tmp_path / "out", placed.name)
    assert image.mode == "RGB"
    assert getattr(image, "n_frames", 1) == 1
    assert "transparency" not in image.info
    assert image.format in ("JPEG", "PNG", "WEBP")
    if image.format == "PNG":
        assert placed.read_bytes()[24] == 8  # the bit depth in the header
    expected = open_upright(content)
    for at in ((10, 10), (80, 50)):
        assert image.getpixel(at) == pytest.approx(expected.getpixel(at), abs=6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_with_damaged_exif_is_exported(make: Make, odd: ModuleType, tmp_path: Path, kind: str) -> None:
    damaged = b"Exif\0\0" * (kind == "JPEG") + b"XX*\0garbage instead of tags"
    dataset, raw = make([odd.encoded(odd.cornered(), kind, exif=damaged)])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco"]) is True
    assert picture(tmp_path / "out", dataset.images[0].file_name).size == (96, 64)


def test_the_same_data_set_is_not_written_again(make: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make([odd.flat()])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    before = files(tmp_path / "out")
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is False
    assert write_dataset(dataset, raw, tmp_path / "out", ["yolo"]) is False
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["box", "split", "class"])
def test_a_changed_data_set_is_written_again_and_nothing_old_stays(
    make: Make, odd: ModuleType, tmp_path: Path, change: str
) -> None:
    dataset, raw = make([odd.flat(), odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["yolo"])
    first, second = dataset.images
    changed = {
        "box": dataclasses.replace(dataset, images=[first, dataclasses.replace(second, boxes=())]),
        "split": dataclasses.replace(dataset, images=[first, dataclasses.replace(second, split="train")]),
        "class": dataclasses.replace(dataset, classes=["person", "zebra"]),
    }[change]
    assert write_dataset(changed, raw, tmp_path / "out", ["yolo"]) is True
    assert read_manifest(tmp_path / "out")["fingerprint"] == changed.fingerprint() != dataset.fingerprint()
    old = tmp_path / "out" / "yolo" / "images" / "val" / "image1.jpg"
    assert old.exists() is (change != "split")


@pytest.mark.parametrize("damage", ["manifest missing", "manifest half", "format missing"])
def test_a_half_written_data_set_is_written_again(make: Make, odd: ModuleType, tmp_path: Path, damage: str) -> None:
    dataset, raw = make([odd.flat()])
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
    assert sorted(path.name for path in out.iterdir()) == ["coco", MANIFEST, "yolo"]


def test_a_run_that_dies_in_the_middle_leaves_no_manifest(make: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make([odd.flat(), odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    raw["image1"].unlink()
    changed = dataclasses.replace(dataset, classes=["person", "zebra"])
    with pytest.raises(StoreError, match="cannot write the data set"):
        write_dataset(changed, raw, tmp_path / "out", ["coco"])
    assert read_manifest(tmp_path / "out") == {}
    assert (tmp_path / "out" / "coco" / "annotations.json").exists()  # the old one, until the new one is whole


def test_formats_that_were_not_asked_for_stay_as_they_are(make: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    before = files(tmp_path / "out" / "coco")
    assert write_dataset(dataset, raw, tmp_path / "out", ["yolo"]) is True
    assert files(tmp_path / "out" / "coco") == before


def test_an_unknown_format_is_told_with_those_that_are_there_and_nothing_is_written(make: Make, tmp_path: Path) -> None:
    dataset, raw = make([])
    with pytest.raises(FactoryError, match=r"there is no format 'voc'; there is: coco, yolo\.$"):
        write_dataset(dataset, raw, tmp_path / "out", ["coco", "voc"])
    assert not (tmp_path / "out").exists()


def test_an_empty_data_set_is_written_too(make: Make, tmp_path: Path) -> None:
    dataset, raw = make([])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"]) is True
    assert json.loads((tmp_path / "out" / "coco" / "annotations.json").read_bytes())["images"] == []
    assert (tmp_path / "out" / "yolo" / "images" / "val").is_dir()


def test_a_folder_that_cannot_be_written_is_told(make: Make, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    dataset, raw = make([])
    with pytest.raises(StoreError, match="free some space or choose another data_root"):
        write_dataset(dataset, raw, tmp_path / "out", ["coco"])
