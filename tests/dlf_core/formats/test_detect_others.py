"""Which format lies there, when others put it there: beside other files, in other folders, behind closed doors."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset
from dlf_core.formats.detect import detect_format


@pytest.mark.parametrize("name", FORMATS)
def test_what_we_write_can_be_read_as_what_it_is_told_to_be(
    name: str, dataset: Dataset, pictures: Pictures, tmp_path: Path
) -> None:
    FORMATS[name].write(dataset, tmp_path, pictures)
    for beside in ("ATTRIBUTION.md", "README.md", ".data-label-factory"):
        (tmp_path / beside).write_text("# Signs")
    assert len(FORMATS[detect_format(tmp_path)].read(tmp_path).images) == len(dataset.images)


FOLDERS = {
    "coco": ["val.json"],
    "voc": ["Annotations/2007_000027.xml", "JPEGImages/2007_000027.jpg", "ImageSets/Main/train.txt"],
    "yolo": ["data.yaml", "train/images/a.jpg", "train/labels/a.txt"],
    "webdataset": ["00000.tar", "00001.tar"],
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_others_is_known_by_what_lies_in_it(name: str, tmp_path: Path) -> None:
    for path in FOLDERS[name]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    assert detect_format(tmp_path) == name


@pytest.mark.parametrize("place", ["a.parquet", "data/a.parquet"])
@pytest.mark.parametrize(("column", "name"), [("bboxes", "labels"), ("objects", "parquet")])
def test_tables_are_told_apart_by_their_columns(place: str, column: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"image_id": ["a"], column: [[1]]}), tmp_path / place)
    assert detect_format(tmp_path) == detect_format(tmp_path / place) == name


def test_a_name_that_no_disk_holds_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="File name too long"):
        detect_format(tmp_path / ("x" * 300))


@pytest.mark.parametrize("name", ["a.json", "a.parquet"])
def test_a_file_that_may_not_be_read_is_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / name
    file.write_text("{}")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(pq, "read_schema", refused)
    with pytest.raises(FormatError) as caught:
        detect_format(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
