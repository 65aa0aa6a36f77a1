"""The rights of a data set's images on disk: ATTRIBUTION.md beside and in each format, and what COCO says of them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest
from other_datasets import changed

from dlf_core.errors import StoreError
from dlf_core.formats import coco
from dlf_core.formats.dataset import Dataset, LabeledImage
from dlf_resources.stores.dataset_folder import ATTRIBUTION, read_manifest, write_dataset

Make = Callable[..., tuple[Dataset, dict[str, Path]]]
BY_SA = "https://creativecommons.org/licenses/by-sa/4.0/"
RIGHTS = {
    "title": "A cat in Köln",
    "author": "Eve Müller",
    "license": "CC BY-SA 4.0",
    "license_url": BY_SA,
    "url": "https://upload.example.org/cat.jpg",
    "page": "https://commons.example.org/wiki/File:Cat_(1).jpg",
}


def with_rights(dataset: Dataset, **rights: str | None) -> Dataset:
    """The data set, its first image with these rights."""
    first, *others = dataset.images
    return changed(dataset, images=[dataclasses.replace(first, **rights), *others])


def texts(out: Path) -> dict[str, str]:
    return {path.relative_to(out).parent.as_posix(): path.read_text("utf-8") for path in out.rglob(ATTRIBUTION)}


def lines_of(text: str, image: LabeledImage) -> list[str]:
    return [line for line in text.splitlines() if f"`{image.file_name}`" in line]


def pictures(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*.jpg")):
        yield path.as_posix(), path.stat().st_mtime_ns


def test_the_text_lies_beside_the_data_set_and_in_every_format_with_all_that_a_licence_wants(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([odd.flat(), odd.flat(colour=(1, 2, 3))])
    dataset = with_rights(dataset, **RIGHTS)
    write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"])
    found = texts(tmp_path / "out")
    assert sorted(found) == [".", "coco", "yolo"]
    (text,) = set(found.values())
    (line,) = lines_of(text, dataset.images[0])
    for told in (RIGHTS["title"], RIGHTS["author"], f"[CC BY-SA 4.0]({BY_SA})"):
        assert told in line
    assert "](https://commons.example.org/wiki/File:Cat_%281%29.jpg)" in line
    (line,) = lines_of(text, dataset.images[1])
    assert "unknown" in line
    assert "1 image of unknown rights" in text


def test_every_image_has_its_line(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat(colour=(number, 0, 0)) for number in range(12)])
    write_dataset(dataset, raw, tmp_path / "out", ["yolo"])
    text = texts(tmp_path / "out")["yolo"]
    assert [len(lines_of(text, image)) for image in dataset.images] == [1] * 12


def test_a_data_set_without_images_has_its_text_too(make_dataset: Make, tmp_path: Path) -> None:
    dataset, raw = make_dataset([])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    assert "0 images" in texts(tmp_path / "out")["coco"]


def test_rights_that_became_known_are_written_and_no_picture_is_touched(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    out = tmp_path / "out"
    write_dataset(dataset, raw, out, ["coco", "yolo"])
    before = dict(pictures(out))
    write_dataset(with_rights(dataset, **RIGHTS), raw, out, ["coco", "yolo"])
    assert [text.count("Eve Müller") for text in texts(out).values()] == [1, 1, 1]
    assert {name: before[name] for name in before} == dict(pictures(out))


def test_rights_that_became_known_reach_the_annotations_too(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    """ATTRIBUTION.md and annotations.json of one folder must not contradict each other."""
    dataset, raw = make_dataset([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    write_dataset(with_rights(dataset, **RIGHTS), raw, tmp_path / "out", ["coco"])
    (image,) = coco.read(tmp_path / "out" / "coco" / "annotations.json").images
    assert (image.author, image.license, image.license_url) == ("Eve Müller", "CC BY-SA 4.0", BY_SA)


def test_a_format_that_was_not_asked_for_has_no_older_text_than_the_others(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    write_dataset(with_rights(dataset, **RIGHTS), raw, tmp_path / "out", ["yolo"])
    found = texts(tmp_path / "out")
    assert {".", "yolo"} <= set(found)
    assert [text.count("Eve Müller") for text in found.values()] == [1] * len(found)


@pytest.mark.parametrize("spoilt", ["missing", "changed", "half"])
@pytest.mark.parametrize("place", [".", "coco"])
def test_a_text_that_was_lost_or_changed_is_put_back(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, place: str, spoilt: str
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    out = tmp_path / "out"
    write_dataset(dataset, raw, out, ["coco"])
    whole = texts(out)
    file = out / place / ATTRIBUTION
    if spoilt == "missing":
        file.unlink()
    else:
        file.write_text("mine" if spoilt == "changed" else whole[place][:20])
    assert write_dataset(dataset, raw, out, ["coco"]) is False
    assert texts(out) == whole
    assert not [path.name for path in (*out.iterdir(), *(out / "coco").iterdir()) if "tmp" in path.name]


def test_a_text_that_cannot_be_put_back_is_told_as_any_write_that_fails(
    make_dataset: Make, odd: ModuleType, tmp_path: Path
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    out = tmp_path / "out"
    write_dataset(dataset, raw, out, ["coco"])
    (out / ATTRIBUTION).unlink()
    (out / ATTRIBUTION).mkdir()
    with pytest.raises(StoreError, match="cannot write the data set"):
        write_dataset(dataset, raw, out, ["coco"])


def test_an_unchanged_data_set_needs_no_right_to_write(
    make_dataset: Make, odd: ModuleType, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    out = public_folder / "out"
    write_dataset(dataset, raw, out, ["coco"])
    for folder in (out / "coco", out):
        folder.chmod(0o555)
    with as_nobody():
        assert write_dataset(dataset, raw, out, ["coco"]) is False


def test_coco_carries_the_rights_there_and_back(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat(), odd.flat(colour=(1, 2, 3)), odd.flat(colour=(4, 5, 6))])
    rights = RIGHTS | {"attribution": "by Eve", "source_name": "cat.jpg"}
    first, second, third = dataset.images
    second = dataclasses.replace(second, license="CC BY-SA 4.0", license_url=BY_SA)
    dataset = changed(dataset, images=[dataclasses.replace(first, **rights), second, third])
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    file = tmp_path / "out" / "coco" / "annotations.json"
    back = coco.read(file).images
    assert {name: getattr(back[0], name) for name in rights} == rights
    assert (back[1].license, back[1].author) == ("CC BY-SA 4.0", None)
    assert {getattr(back[2], name) for name in rights} == {None}
    said = json.loads(file.read_bytes())
    assert said["licenses"] == [{"id": 1, "name": "CC BY-SA 4.0", "url": BY_SA}]
    assert [image.get("license") for image in said["images"]] == [1, 1, None]


HOSTILE = [
    "](https://evil.example) [x",
    "<script>alert(1)</script>",
    "# not a heading",
    "two\nlines\r\n- `image0.jpg`: stolen",
    "| a | table |",
    "`code`",
    "x" * 10_000,
    "\u202egnp.tac",
    "a\x00b",
    "\u2028\u2028- another",
]


@pytest.mark.parametrize("field", ["title", "author", "license", "attribution"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_what_strangers_call_their_pictures_stays_one_line_of_plain_text(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, field: str, hostile: str
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    dataset = with_rights(dataset, **{field: hostile})
    write_dataset(dataset, raw, tmp_path / "out", ["coco"])
    text = texts(tmp_path / "out")["."]
    (line,) = lines_of(text, dataset.images[0])
    bare = re.sub(r"\\.", "", line.split(": ", 1)[1])  # without what is escaped
    assert not set("<>`|#") & set(bare)
    assert not re.search(r"\]\(https://evil", bare)
    assert len(line) < 1000
    assert not [mark for mark in text if ord(mark) < 32 and mark != "\n"]
    assert len(text.splitlines()) == text.count("\n")


@pytest.mark.parametrize("field", ["page", "license_url"])
@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "https://x.example/a) [b](https://evil.example", "file:///etc"],
)
def test_what_is_no_address_of_the_web_becomes_no_link(
    make_dataset: Make, odd: ModuleType, tmp_path: Path, field: str, address: str
) -> None:
    dataset, raw = make_dataset([odd.flat()])
    dataset = with_rights(dataset, license="some terms", **{field: address})
    write_dataset(dataset, raw, tmp_path / "out", ["yolo"])
    (line,) = lines_of(texts(tmp_path / "out")["yolo"], dataset.images[0])
    links = re.findall(r"\]\(([^)]*)\)", line)
    assert all(link == "#" or link.startswith("https://x.example/a%29") for link in links)


def test_a_name_that_is_cut_is_not_cut_within_an_escape(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat()])
    dataset = with_rights(dataset, license="x" * 299 + "]", license_url="https://example.org/terms")
    write_dataset(dataset, raw, tmp_path / "out", ["yolo"])
    (line,) = lines_of(texts(tmp_path / "out")["yolo"], dataset.images[0])
    assert re.search(r"[^\\]\]\(https://example\.org/terms\)$", line)


def test_the_manifest_is_as_it_was(make_dataset: Make, odd: ModuleType, tmp_path: Path) -> None:
    dataset, raw = make_dataset([odd.flat()])
    write_dataset(dataset, raw, tmp_path / "out", ["coco", "yolo"])
    assert read_manifest(tmp_path / "out")["formats"] == ["coco", "yolo"]
