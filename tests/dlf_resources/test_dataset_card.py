"""The card and its pictures in a folder: written once, whole, and only when something is new."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from hub.card import checked
from PIL import Image

from dlf_core.card import Provenance
from dlf_core.errors import StoreError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_resources.dataset_card import write_card

MADE = Provenance("people", {"person": "person"})
PLOTS = ["plots/box_sizes.png", "plots/classes.png"]


def dataset(*corners: tuple[float, float, float, float]) -> Dataset:
    boxes = [LabeledBox("person", *four) for four in corners]
    return Dataset.of("d", ["person"], [LabeledImage("a", "a.jpg", 100, 100, "train", boxes=boxes)])


SOME = dataset((0, 0, 0.5, 0.5))


def files(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in the folder; a file that is written again has another inode."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for name, path in found.items()}


def test_the_card_lies_beside_the_pictures_that_it_shows(tmp_path: Path) -> None:
    write_card(SOME, MADE, tmp_path)
    assert list(files(tmp_path)) == ["README.md", *PLOTS]
    text = (tmp_path / "README.md").read_text("utf-8")
    assert checked(text) == ([], [])
    shown = re.findall(r"!\[.+\]\((.+)\)", text)
    assert sorted(shown) == PLOTS
    for path in shown:
        with Image.open(tmp_path / path) as picture:
            picture.load()


def test_what_is_as_it_would_become_is_not_written_again(tmp_path: Path) -> None:
    write_card(SOME, MADE, tmp_path)
    before = files(tmp_path)
    write_card(dataset((0, 0, 0.5, 0.5)), replace(MADE), tmp_path)
    assert files(tmp_path) == before


def test_what_has_changed_or_is_missing_is_written_again(tmp_path: Path) -> None:
    write_card(SOME, MADE, tmp_path)
    before = files(tmp_path)
    write_card(dataset((0, 0, 0.9, 0.9)), MADE, tmp_path)
    larger = files(tmp_path)
    assert {name for name in before if before[name][2] != larger[name][2]} == {"README.md", "plots/box_sizes.png"}
    write_card(SOME, MADE, tmp_path, evaluation={"truth_boxes": 3, "precision": 0.5, "recall": 0.5, "ap50": 0.5})
    assert "3 ground-truth boxes" in (tmp_path / "README.md").read_text()
    (tmp_path / "plots/classes.png").unlink()
    (tmp_path / "README.md").write_text("# Mine")
    write_card(SOME, MADE, tmp_path)
    assert {name: content for name, (_, _, content) in files(tmp_path).items()} == {
        name: content for name, (_, _, content) in before.items()
    }


def test_a_data_set_without_boxes_has_no_pictures_also_not_those_of_before(tmp_path: Path) -> None:
    write_card(SOME, MADE, tmp_path)
    write_card(dataset(), MADE, tmp_path)
    assert "![" not in (tmp_path / "README.md").read_text()
    assert list(files(tmp_path)) == ["README.md"]


def test_beside_tables_the_card_tells_the_viewer_of_them(tmp_path: Path) -> None:
    write_card(SOME, MADE, tmp_path, parquet=True)
    assert "path: data/train-*.parquet" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "plots"])
def test_a_folder_that_may_not_be_written_is_a_sentence(
    name: str, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    if name == "plots":
        (public_folder / name).mkdir(mode=0o555)
    else:
        public_folder.chmod(0o555)
    with as_nobody(), pytest.raises(StoreError, match="cannot write the card: Permission denied") as caught:
        write_card(SOME, MADE, public_folder)
    assert str(caught.value).startswith(f"{public_folder}: ")
    assert files(public_folder) == {}


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone: cannot write the card: No such file"):
        write_card(SOME, MADE, tmp_path / "gone")
