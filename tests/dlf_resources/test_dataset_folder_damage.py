"""A data set whose pictures lie within its files, when somebody has been at them: it is written again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset
from dlf_resources.dataset_pictures import StoredPictures
from dlf_resources.stores.dataset_folder import MARKER, write_dataset

Make = Callable[..., tuple[Dataset, StoredPictures]]
Damage = Callable[[Path], object]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["gone", "cut"])
@pytest.mark.parametrize("name", [name for name, kind in FORMATS.items() if kind.pictures_inside])
def test_a_damaged_file_is_written_again(
    name: str, damage: Damage, make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, pictures = make_dataset([odd.flat(), odd.flat(colour=(1, 2, 3))])
    out = tmp_path / "out"
    assert write_dataset(dataset, pictures, out, [name]) is True
    assert write_dataset(dataset, pictures, out, [name]) is False
    made = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    kept = [path for path in made if path.parent != out and path.name not in (MARKER, "ATTRIBUTION.md")]
    assert len(kept) >= 2
    for file in kept:
        damage(file)
        assert write_dataset(dataset, pictures, out, [name]) is True
        assert file.read_bytes() == made[file]
    (out / name / "README.md").write_text("# A card beside them")
    assert write_dataset(dataset, pictures, out, [name]) is False
