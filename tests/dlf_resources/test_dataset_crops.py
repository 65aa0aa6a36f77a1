"""write_crops: every box as a picture of its own, in the folders that classifiers are trained from."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from dlf_core.errors import FactoryError, StoreError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_resources.dataset_crops import MARKER, write_crops


class Bytes:
    """Pictures by their id."""

    at_once = 1

    def __init__(self, **contents: bytes):
        self.contents = contents

    def read(self, image_id: str, file_name: str) -> bytes:
        return self.contents[image_id]

    def place(self, image_id: str, target: Path) -> None:
        raise AssertionError("crops need no files")


def box(name: str = "dog", x1: float = 0.25, y1: float = 0.25, x2: float = 0.75, y2: float = 0.5) -> LabeledBox:
    return LabeledBox(name, x1, y1, x2, y2)


def dataset(
    *boxes: LabeledBox, image_id: str = "one", split: str = "train", classes: list[str] | None = None
) -> Dataset:
    names = classes or sorted({one.class_name for one in boxes})
    return Dataset.of("d", names, [LabeledImage(image_id, f"{image_id}.jpg", 96, 64, split, boxes=boxes)])


def crops(folder: Path) -> dict[str, tuple[int, int]]:
    """Path below the folder → size."""
    return {path.relative_to(folder).as_posix(): Image.open(path).size for path in folder.rglob("*.jpg")}


@pytest.fixture
def photo(odd: ModuleType) -> Bytes:
    return Bytes(one=odd.encoded(odd.cornered(), "PNG"))


def test_every_box_is_a_picture_in_the_folder_of_its_split_and_class(odd: ModuleType, tmp_path: Path) -> None:
    images = [
        LabeledImage("a", "a.jpg", 96, 64, "train", boxes=[box("dog"), box("cat"), box("dog", 0, 0, 1, 1)]),
        LabeledImage("b", "b.png", 96, 64, "val", boxes=[box("dog", 0.5, 0.5, 1, 1)]),
        LabeledImage("gone", "gone.jpg", 96, 64, "val"),  # has no box, so it is not read
    ]
    pictures = Bytes(a=odd.flat(), b=odd.flat(kind="PNG"))
    assert write_crops(Dataset.of("d", ["dog", "cat"], images), pictures, tmp_path / "crops", 0) == 4
    assert crops(tmp_path / "crops") == {
        "train/dog/a_0.jpg": (48, 16),
        "train/cat/a_1.jpg": (48, 16),
        "train/dog/a_2.jpg": (96, 64),
        "val/dog/b_0.jpg": (48, 32),
    }


def test_a_crop_shows_what_is_in_the_box(odd: ModuleType, photo: Bytes, tmp_path: Path) -> None:
    write_crops(dataset(box("red", 0, 0, 0.25, 0.25), box("blue", 0.75, 0.75, 1, 1)), photo, tmp_path / "c", 0)
    for name, colour, number in (("red", odd.RED, 0), ("blue", odd.BLUE, 1)):
        crop = Image.open(tmp_path / f"c/train/{name}/one_{number}.jpg")
        assert crop.mode == "RGB"
        for at in ((1, 1), (crop.width - 2, crop.height - 2)):
            assert crop.getpixel(at) == pytest.approx(colour, abs=12)


def test_a_turned_picture_is_cut_upright(odd: ModuleType, tmp_path: Path) -> None:
    pictures = Bytes(one=odd.turned(odd.cornered(), 6))
    write_crops(dataset(box("red", 0, 0, 0.2, 0.2)), pictures, tmp_path / "c", 0)
    assert Image.open(tmp_path / "c/train/red/one_0.jpg").getpixel((5, 5)) == pytest.approx(odd.RED, abs=20)


@pytest.mark.parametrize(
    ("margin", "size"), [(0, (48, 16)), (0.25, (72, 24)), (0.5, (96, 32)), (1, (96, 48)), (5, (96, 64))]
)
def test_a_margin_is_in_sides_of_the_box_and_ends_at_the_edge(
    photo: Bytes, tmp_path: Path, margin: float, size: tuple[int, int]
) -> None:
    write_crops(dataset(box()), photo, tmp_path / "c", margin)
    assert crops(tmp_path / "c") == {"train/dog/one_0.jpg": size}


@pytest.mark.parametrize(
    "corners", [(0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0), (0.999, 1, 1, 1)]
)
def test_a_box_without_an_area_is_one_pixel_of_the_picture(
    odd: ModuleType, tmp_path: Path, corners: tuple[float, ...]
) -> None:
    write_crops(dataset(box("dog", *corners)), Bytes(one=odd.flat()), tmp_path / "c", 0)
    crop = Image.open(tmp_path / "c/train/dog/one_0.jpg")
    assert crop.size == (1, 1)
    assert crop.getpixel((0, 0)) == pytest.approx(odd.RED, abs=20)


def test_a_box_beyond_the_edge_is_cut_off_there(photo: Bytes, tmp_path: Path) -> None:
    write_crops(dataset(box("dog", -0.5, -0.1, 1.5, 1.1)), photo, tmp_path / "c", 0)
    assert crops(tmp_path / "c") == {"train/dog/one_0.jpg": (96, 64)}


@pytest.mark.parametrize(
    "names",
    [
        ["a/b", "..", ".", "a:b", "größe ⚠", "a\\b", "x\ny", "*", ". a ."],
        ["a/b", "a\\b", "a_b"],
        ["Dog", "dog", "DOG "],
        ["...", "class_0"],
        ["a/b", "a_b", "a_b_0", "a_b_1"],
        ["x" * 300, "y"],
    ],
)
def test_every_class_has_a_folder_of_its_own_within_its_split(photo: Bytes, tmp_path: Path, names: list[str]) -> None:
    boxes = [box(name) for name in names]
    assert write_crops(dataset(*boxes, classes=names), photo, tmp_path / "c", 0) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert {path.name for path in (tmp_path / "c").iterdir()} == {MARKER, "train"}
    folders = [path.name for path in (tmp_path / "c/train").iterdir()]
    assert len({name.casefold() for name in folders}) == len(names)
    assert all(len(list((tmp_path / "c/train" / name).iterdir())) == 1 for name in folders)


def test_datasets_reads_them_as_an_image_folder(odd: ModuleType, photo: Bytes, tmp_path: Path) -> None:
    import datasets

    write_crops(dataset(box("dog"), box("cat", 0, 0, 1, 1)), photo, tmp_path / "c", 0)
    found = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "c"), cache_dir=str(tmp_path / "cache"))
    rows = found["train"]
    assert rows.features["label"].names == ["cat", "dog"]
    assert [(row["label"], row["image"].size) for row in rows] == [(0, (96, 64)), (1, (48, 16))]


def test_crops_of_an_earlier_call_go(photo: Bytes, tmp_path: Path) -> None:
    write_crops(dataset(box("dog"), box("cat")), photo, tmp_path / "c", 0)
    write_crops(dataset(box("cow")), photo, tmp_path / "c", 0)
    assert list(crops(tmp_path / "c")) == ["train/cow/one_0.jpg"]


def test_a_folder_of_others_is_left_alone(photo: Bytes, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/thesis.txt").write_text("three years of work")
    with pytest.raises(FactoryError, match="choose another --out or move them away"):
        write_crops(dataset(box()), photo, tmp_path / "c", 0)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_taken(photo: Bytes, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    assert write_crops(dataset(box()), photo, tmp_path / "c", 0) == 1


def test_a_place_that_cannot_be_written_is_told(photo: Bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write crops: Not a directory"):
        write_crops(dataset(box()), photo, tmp_path / "file" / "c", 0)


def test_a_data_set_without_boxes_leaves_an_empty_folder_of_ours(tmp_path: Path) -> None:
    assert write_crops(dataset(classes=["dog"]), Bytes(), tmp_path / "c", 0) == 0
    assert [path.name for path in (tmp_path / "c").iterdir()] == [MARKER]
