"""write_dataset: every picture of a data set is as every reader must see it: upright, one frame, 8-bit RGB."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from dlf_core.formats.dataset import Dataset
from dlf_resources.images import open_upright
from dlf_resources.stores.dataset_folder import write_dataset

Make = Callable[..., tuple[Dataset, dict[str, Path]]]


def picture(folder: Path, name: str = "image0.jpg") -> Image.Image:
    image = Image.open(folder / "coco" / "images" / name)
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_plain_picture_is_the_gathered_file_itself(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, kind: str
) -> None:
    dataset, raw = make_dataset([odd.encoded(odd.speckled(1), kind)])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    placed = tmp_path / "out" / "coco" / "images" / dataset.images[0].file_name
    assert placed.samefile(raw["image0"])


def test_where_the_disk_knows_no_links_it_is_a_copy(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    dataset, raw = make_dataset([odd.flat()])
    monkeypatch.setattr(os, "link", refuse)
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    placed = tmp_path / "out" / "coco" / "images" / "image0.jpg"
    assert not placed.samefile(raw["image0"])
    assert placed.read_bytes() == raw["image0"].read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_a_turned_picture_is_exported_upright_and_says_so(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, kind: str, orientation: int
) -> None:
    dataset, raw = make_dataset([odd.turned(odd.cornered(), orientation, kind)])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    image = picture(tmp_path / "out", dataset.images[0].file_name)
    assert image.format == kind
    assert image.getexif().get(0x0112, 1) == 1
    assert image.size == (96, 64)
    assert image.getpixel((5, 5)) == pytest.approx(odd.RED, abs=12)
    assert image.getpixel((90, 60)) == pytest.approx(odd.BLUE, abs=12)


@pytest.mark.parametrize("case", ["cmyk", "gif", "apng", "palette", "la", "grey16", "rgb16", "tiff", "mpo", "webp"])
def test_any_other_picture_becomes_8_bit_rgb_of_one_frame(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, case: str
) -> None:
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
    dataset, raw = make_dataset([content])
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
def test_a_picture_with_damaged_exif_is_exported(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, kind: str
) -> None:
    damaged = b"Exif\0\0" * (kind == "JPEG") + b"XX*\0garbage instead of tags"
    dataset, raw = make_dataset([odd.encoded(odd.cornered(), kind, exif=damaged)])
    assert write_dataset(dataset, raw, tmp_path / "out", ["coco"]) is True
    assert picture(tmp_path / "out", dataset.images[0].file_name).size == (96, 64)
