"""WebDataset shards that others have made, mended or broken."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import webdataset

BOX = {"class_name": "dog", "x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4, "crowd": False}
IMAGE = {"image_id": "a", "file_name": "a.jpg", "width": 40, "height": 20, "split": "val", "boxes": [BOX]}


def put(file: Path, *samples: object, **members: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as tar:
        contents = {name.replace("__", "."): content for name, content in members.items()}
        contents |= {f"{number}.json": json.dumps(sample).encode() for number, sample in enumerate(samples)}
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def test_one_shard_is_read_and_what_is_no_json_is_passed_over(tmp_path: Path) -> None:
    file = put(tmp_path / "x.tar", IMAGE, a__jpg=b"picture", a__cls=b"3")
    found = webdataset.read(file)
    (image,) = found.images
    assert (image.image_id, image.split, image.width, found.classes) == ("a", "val", 40, ["dog"])
    assert (image.boxes[0].x1, image.boxes[0].score, image.bucket) == (0.1, None, None)


def test_shards_of_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("train-000001", "train-000000", "val-000000"):
        put(tmp_path / f"{name}.tar", IMAGE | {"image_id": name, "boxes": []})
    assert [image.image_id for image in webdataset.read(tmp_path).images] == [
        "train-000000",
        "train-000001",
        "val-000000",
    ]


def test_folders_and_links_within_are_passed_over(tmp_path: Path) -> None:
    file = put(tmp_path / "x.tar", IMAGE)
    with tarfile.open(file, "a") as tar:
        for name, kind in (("more.json", tarfile.DIRTYPE), ("link.json", tarfile.SYMTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
    assert len(webdataset.read(file).images) == 1


@pytest.mark.parametrize(
    "sample",
    [
        [],
        None,
        "x",
        {},
        {"boxes": None},
        IMAGE | {"boxes": [7]},
        IMAGE | {"boxes": {}, "width": "wide"},
        IMAGE | {"width": None},
        IMAGE | {"width": 0},
        IMAGE | {"height": 2**40},
        IMAGE | {"image_id": None},
        IMAGE | {"image_id": 7},
        IMAGE | {"file_name": ["a.jpg"]},
        IMAGE | {"boxes": [{}]},
        IMAGE | {"boxes": [BOX | {"x1": None}]},
        IMAGE | {"boxes": [BOX | {"x1": "left"}]},
        IMAGE | {"boxes": [BOX | {"class_name": None}]},
        IMAGE | {"boxes": [BOX | {"class_name": 7}]},
        IMAGE | {"boxes": [BOX | {"crowd": "no"}]},
        IMAGE | {"boxes": [BOX | {"score": "high"}]},
        IMAGE | {"boxes": [BOX | {"reasoning": ["a", "b"]}]},
    ],
)
def test_a_sample_that_does_not_fit_is_a_sentence_with_the_shard(tmp_path: Path, sample: object) -> None:
    put(tmp_path / "train-000000.tar", IMAGE)
    file = put(tmp_path / "train-000001.tar", IMAGE, sample)
    for path in (tmp_path, file):
        with pytest.raises(FormatError) as caught:
            webdataset.read(path)
        assert str(caught.value).startswith(str(file))
        assert str(caught.value).endswith(".")


@pytest.mark.parametrize("content", [b"", b"x", b"{}" * 400, b"\x1f\x8b\x08" + b"x" * 900])
def test_a_file_that_is_no_tar_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.tar"):
        webdataset.read(tmp_path / "x.tar")


def test_a_shard_that_was_cut_off_within_a_sample_is_a_sentence(tmp_path: Path) -> None:
    file = put(tmp_path / "x.tar", IMAGE, a__jpg=b"x" * 5000)
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(FormatError, match=r"x\.tar"):
        webdataset.read(file)


def test_a_shard_that_was_cut_off_between_samples_is_a_sentence_too(tmp_path: Path) -> None:
    file = put(tmp_path / "x.tar", IMAGE, IMAGE | {"image_id": "b"})
    file.write_bytes(file.read_bytes()[:1024])  # the first sample, and no end
    with pytest.raises(FormatError, match=r"x\.tar"):
        webdataset.read(file)


def test_a_head_that_is_damaged_further_on_does_not_end_the_shard_unseen(tmp_path: Path) -> None:
    file = put(tmp_path / "x.tar", IMAGE, IMAGE | {"image_id": "b"})
    content = bytearray(file.read_bytes())
    content[1024 + 150] ^= 1  # the checksum of the second head
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.tar"):
        webdataset.read(file)


@pytest.mark.parametrize("content", [b"", b"{", b"7", b'{"a": 1}', b'"words"', b"[null]", b"\xff"])
def test_a_list_of_classes_that_is_none_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "train-000000.tar", IMAGE)
    (tmp_path / "classes.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"classes\.json: is not a JSON list of classes\."):
        webdataset.read(tmp_path)


def test_a_folder_of_something_else_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no \.tar file; it is no WebDataset folder\."):
        webdataset.read(tmp_path)


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no\.tar: cannot be read: No such file or directory\."):
        webdataset.read(tmp_path / "no.tar")
