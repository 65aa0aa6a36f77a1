"""Which format lies there, told without asking."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset
from dlf_core.formats.detect import detect_format


@pytest.mark.parametrize("with_pictures", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_what_we_write_is_known_again(
    name: str, with_pictures: bool, dataset: Dataset, pictures: Pictures, tmp_path: Path
) -> None:
    FORMATS[name].write(dataset, tmp_path, pictures if with_pictures else None)
    assert detect_format(tmp_path) == name


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "voc"])  # which is a folder of files
def test_its_file_of_labels_is_known_alone(name: str, dataset: Dataset, tmp_path: Path) -> None:
    FORMATS[name].write(dataset, tmp_path, None)
    kinds = {".json", ".yaml", ".xml", ".tar", ".parquet"}
    known = {"classes.json", "config.xml"}  # beside the labels
    files = [file for file in tmp_path.rglob("*") if file.suffix in kinds and file.name not in known]
    assert files
    assert {detect_format(file) for file in files} == {name}


@pytest.mark.parametrize(
    ("file", "content", "name"),
    [
        ("instances_val2017.json", b'{"info": {}}', "coco"),
        ("project-1-at-2026.json", b' \n[{"id": 1}]', "label-studio"),
        ("coco8.yml", b"names: []", "yolo"),
        ("streets.XML", b"<annotations/>", "cvat"),
    ],
)
def test_a_file_is_known_by_its_ending_and_its_beginning(file: str, content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(content)
    assert detect_format(tmp_path / file) == name


@pytest.mark.parametrize(
    ("file", "says"),
    [("", "holds no data set that is known"), ("nowhere", "is not there"), ("a.txt", "its ending is of no format")],
)
def test_what_is_not_known_is_a_sentence(file: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("dog")
    with pytest.raises(FormatError, match=says):
        detect_format(tmp_path / file)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table"])
def test_a_table_that_is_none_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    for path in (tmp_path, tmp_path / "a.parquet"):
        with pytest.raises(FormatError, match=r"a\.parquet: is not a Parquet file"):
            detect_format(path)
