"""Pictures that lie within the files of a data set come out as they went in."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS, parquet
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset

INSIDE = [name for name, kind in FORMATS.items() if kind.pictures_inside]


def pictures_of(name: str, path: Path) -> dict[str, bytes]:
    read = FORMATS[name].read_pictures
    assert read is not None
    found = list(read(path))
    assert len(dict(found)) == len(found)
    return dict(found)


def test_two_formats_hold_their_pictures() -> None:
    assert INSIDE == ["parquet", "webdataset"]


@pytest.mark.parametrize("name", INSIDE)
def test_they_come_out_under_the_names_that_the_labels_tell(
    name: str, dataset: Dataset, pictures: Pictures, tmp_path: Path
) -> None:
    FORMATS[name].write(dataset, tmp_path, pictures)
    wanted = {one.file_name: pictures.read(one.image_id, one.file_name) for one in FORMATS[name].read(tmp_path).images}
    assert pictures_of(name, tmp_path) == wanted
    (file,) = tmp_path.rglob("val-*")
    assert list(pictures_of(name, file)) == ["d" * 32 + ".jpg"]


@pytest.mark.parametrize("name", INSIDE)
def test_labels_alone_hold_none(name: str, dataset: Dataset, tmp_path: Path) -> None:
    FORMATS[name].write(dataset, tmp_path, None)
    assert pictures_of(name, tmp_path) == {}


@pytest.mark.parametrize("name", INSIDE)
def test_a_file_that_was_cut_off_is_a_sentence(name: str, dataset: Dataset, pictures: Pictures, tmp_path: Path) -> None:
    FORMATS[name].write(dataset, tmp_path, pictures)
    (file,) = tmp_path.rglob("train-*")
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(FormatError) as caught:
        pictures_of(name, tmp_path)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def table(count: int, **more: pa.Array) -> pa.Table:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": b"%d" % n, "path": None} for n in range(count)], kind)
    lists = pa.struct([("bbox", pa.list_(pa.list_(pa.float32()))), ("category", pa.list_(pa.int64()))])
    boxes = pa.array([{"bbox": [], "category": []}] * count, lists)
    sizes = pa.array([9] * count, pa.int64())
    told = b'{"info": {"features": {"objects": {"feature": {"category": {"names": ["dog"]}}}}}}'
    made = pa.table({"image": images, "objects": boxes, "width": sizes, "height": sizes} | more)
    return made.replace_schema_metadata({b"huggingface": told})


def test_without_ids_the_names_are_numbers_that_labels_and_pictures_agree_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_ROWS", 2)
    monkeypatch.setattr(parquet, "_PICTURES", 3)
    pq.write_table(table(5), tmp_path / "test-0.parquet")
    pq.write_table(table(4), tmp_path / "train-0.parquet")
    names = [image.file_name for image in parquet.read(tmp_path).images]
    assert len(set(names)) == 9
    assert list(pictures_of("parquet", tmp_path)) == names


def test_a_row_without_a_picture_is_passed_over(tmp_path: Path) -> None:
    rows = table(3, image=pa.array([{"bytes": b"x"}, None, {"bytes": None}]), image_id=pa.array(["a", "b", "c"]))
    pq.write_table(rows, tmp_path / "train-0.parquet")
    assert pictures_of("parquet", tmp_path) == {"a.jpg": b"x"}


def test_what_is_no_picture_column_is_a_sentence(tmp_path: Path) -> None:
    pq.write_table(table(1, image=pa.array(["a.jpg"])), tmp_path / "train-0.parquet")
    with pytest.raises(FormatError, match=r"train-0\.parquet"):
        pictures_of("parquet", tmp_path)


def test_folders_of_a_shard_are_left_out_of_the_names(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        entry = tarfile.TarInfo("../day/a.png")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    assert pictures_of("webdataset", tmp_path) == {"a.png": b"abc"}
