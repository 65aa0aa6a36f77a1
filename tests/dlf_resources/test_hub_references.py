"""A data set of others on the Hub as a reference: its tables or labels come here, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub.client import point_at, without_waiting
from hub.listener import failure, place, refusal
from hub.server import READER, TOKEN, Hub
from model_servers.loopback import half
from PIL import Image

from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.formats.detect import detect_format
from dlf_resources.hub import references
from dlf_resources.hub.references import downloaded
from dlf_resources.hub.session import HubError

SIGNS = "somebody/signs"
Files = Callable[..., dict[str, bytes]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as made:
        point_at(made, tmp_path / "home", monkeypatch)
        without_waiting(monkeypatch)
        yield made


class Plain:
    """Pictures of 20 × 10 pixels."""

    at_once = 1

    def place(self, image_id: str, target: Path) -> None:
        target.write_bytes(self.read(image_id, target.name))

    def read(self, image_id: str, file_name: str) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (20, 10), "grey").save(buffer, "JPEG")
        return buffer.getvalue()


def dataset() -> Dataset:
    box = LabeledBox("sign", 0.1, 0.2, 0.6, 0.7, verdict="YES")
    images = [
        LabeledImage(name * 32, f"{name * 32}.jpg", 20, 10, split, boxes=[box])
        for name, split in (("a", "train"), ("b", "val"))
    ]
    return Dataset.of("signs", ["sign"], images)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The files of a data set in a format, with a card and a licence beside them."""

    def write(name: str, pictures: Pictures | None = Plain()) -> dict[str, bytes]:  # noqa: B008
        folder = tmp_path / f"written-{name}"
        folder.mkdir()
        FORMATS[name].write(dataset(), folder, pictures)
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        return {"README.md": b"# Signs\n"} | {path: file.read_bytes() for path, file in found.items()}

    return write


def fetched(hub: Hub) -> list[str]:
    """The files that were asked for."""
    came = [place(request) for request in hub.requests if "/resolve/" in request.path]
    return sorted({path.split("/resolve/")[1].partition("/")[2] for path in came})


@pytest.mark.parametrize("name", ["parquet", "labels", "coco", "yolo"])
def test_a_data_set_of_a_usual_format_can_be_read(hub: Hub, files: Files, name: str) -> None:
    hub.add(SIGNS, files(name))
    folder = downloaded(SIGNS)
    assert detect_format(folder) == name
    found = FORMATS[name].read(folder)
    assert [image.image_id[0] for image in found.images] == ["a", "b"]
    assert [box.class_name for image in found.images for box in image.boxes] == ["sign", "sign"]


def test_a_split_without_pictures_has_no_folder_there(hub: Hub, files: Files) -> None:
    made = files("yolo")
    hub.add(SIGNS, {path: content for path, content in made.items() if "/val/" not in path})
    found = FORMATS["yolo"].read(downloaded(SIGNS))
    assert [(image.split, len(image.boxes)) for image in found.images] == [("train", 1)]


def test_of_tables_and_coco_only_what_is_needed_comes(hub: Hub, files: Files) -> None:
    hub.add(SIGNS, files("coco") | {"huge.bin": b"x" * 100_000})
    downloaded(SIGNS)
    assert fetched(hub) == ["annotations.json"]
    hub.requests.clear()
    hub.add("somebody/tables", files("parquet", None) | files("yolo"))
    downloaded("somebody/tables")
    assert fetched(hub) == ["data/train-00000-of-00001.parquet", "data/val-00000-of-00001.parquet"]


def test_several_coco_files_elsewhere_are_named(hub: Hub) -> None:
    hub.add(SIGNS, {f"annotations/instances_{split}2017.json": b"{}" for split in ("train", "val")})
    with pytest.raises(HubError, match=f"^{SIGNS}: holds several .*instances_train2017.json, .*instances_val2017.json"):
        downloaded(SIGNS)
    assert fetched(hub) == []


FOREIGN = ["annotations/instances_val2017.json", "train/_annotations.coco.json"]


@pytest.mark.parametrize("path", FOREIGN)
def test_a_coco_file_where_others_put_it_can_be_read(hub: Hub, files: Files, path: str) -> None:
    hub.add(SIGNS, {"README.md": b"# Signs\n", path: files("coco", None)["annotations.json"]})
    found = downloaded(SIGNS)
    assert detect_format(found) == "coco"
    assert len(FORMATS["coco"].read(found).images) == 2


def test_what_is_there_is_not_fetched_anew_and_what_has_changed_is(hub: Hub, files: Files) -> None:
    hub.add(SIGNS, files("coco"))
    first = downloaded(SIGNS)
    hub.requests.clear()
    assert downloaded(SIGNS) == first
    assert fetched(hub) == []
    hub.add(SIGNS, files("labels"))
    assert detect_format(downloaded(SIGNS)) == "labels"


def test_a_revision_is_that_of_its_name(hub: Hub, files: Files) -> None:
    repo = hub.add(SIGNS, files("coco"))
    first = repo.head.oid
    repo.commit("Empty", "", {}, [])
    assert (downloaded(SIGNS, revision=first) / "annotations.json").is_file()
    with pytest.raises(HubError, match="holds no Parquet"):
        downloaded(SIGNS)
    with pytest.raises(HubError, match=f"^{SIGNS}: .*Invalid rev id: v9"):
        downloaded(SIGNS, revision="v9")


def test_what_is_too_large_is_not_begun(hub: Hub, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    made = files("coco")
    hub.add(SIGNS, made)
    monkeypatch.setattr(references, "MOST_BYTES", len(made["annotations.json"]) - 1)
    with pytest.raises(HubError, match=f"^{SIGNS}: is 0 GB; download what you need of it and name its folder"):
        downloaded(SIGNS)
    assert fetched(hub) == []
    monkeypatch.setattr(references, "MOST_BYTES", len(made["annotations.json"]))
    assert downloaded(SIGNS).is_dir()


@pytest.mark.parametrize("there", [{}, {"README.md": b"# Signs\n", "images/a.jpg": b"x", "notes.json": b"{}"}])
def test_one_without_labels_is_a_sentence(hub: Hub, there: dict[str, bytes]) -> None:
    hub.add(SIGNS, there)
    with pytest.raises(HubError, match=f"^{SIGNS}: holds no Parquet and no COCO or YOLO labels"):
        downloaded(SIGNS)


def test_one_that_is_missing_or_private_is_a_sentence(hub: Hub, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add(SIGNS, files("coco"), private=True)
    hub.add("maker/signs", files("labels"), private=True)
    for name in (SIGNS, "maker/signs", "nobody/nothing"):
        with pytest.raises(HubError, match=f"^{name}: there is no such data set, or it is private and HF_TOKEN may"):
            downloaded(name)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert downloaded("maker/signs").is_dir()
    with pytest.raises(HubError, match="there is no such data set"):
        downloaded(SIGNS)


def test_one_whose_owner_must_let_one_in_is_a_sentence(hub: Hub, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add(SIGNS, files("coco"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    gated = refusal(403, "Access to dataset somebody/signs is restricted", "GatedRepo")
    head = hub.repos[SIGNS].head.oid
    hub.refuse(f"/datasets/{SIGNS}/resolve/{head}/annotations.json", gated, times=100)
    with pytest.raises(HubError, match=f"^{SIGNS}: its owner must let you in first; ask there, and set HF_TOKEN"):
        downloaded(SIGNS)


def test_a_download_that_breaks_off_goes_on_and_one_that_cannot_is_a_sentence(hub: Hub, files: Files) -> None:
    hub.add(SIGNS, files("labels"))
    stored = hub.storage.object_path(SIGNS, hub.repos[SIGNS].head.files["labels.parquet"].sha256)
    hub.storage.refuse(stored, failure(503), times=1000)
    with pytest.raises(HubError, match=f"^{SIGNS}: "):
        downloaded(SIGNS)
    hub.storage.heal()
    hub.storage.next(stored, half)
    assert len(FORMATS["labels"].read(downloaded(SIGNS)).images) == 2


def test_the_token_goes_to_the_hub_alone(hub: Hub, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("maker/signs", files("labels"), private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    folder = downloaded("maker/signs")
    assert {request.headers.get("authorization") for request in hub.storage.requests} == {None}
    assert hub.tokens_seen() == {f"Bearer {TOKEN}"}
    assert not any(TOKEN.encode() in path.read_bytes() for path in folder.parents[2].rglob("*") if path.is_file())
