"""`dlf compare`: references of every kind, what it prints and what it leaves on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from finished_projects import Finished, box, picture
from hub.client import point_at, without_waiting
from hub.server import TOKEN, Hub
from other_datasets import changed
from PIL import Image
from workspaces import TestWorkspace

from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset, LabeledBox
from dlf_core.project import Project
from dlf_resources.dataset_source import assemble

SIGNS = "somebody/signs"
Write = Callable[..., Path]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as made:
        point_at(made, tmp_path / "home", monkeypatch)
        without_waiting(monkeypatch)
        yield made


@pytest.fixture
def project(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    folders = {"positive/x": tmp_path / "photos"}
    return Project.load(workspace.write_project("p", folders, falcon_queries="[person, zebra]"))


@pytest.fixture
def found(project: Project) -> Dataset:
    """Three images; of the first, verify refused a box."""
    stages = Finished(project)
    refused = box("b2", verdict="NO", kept=False)
    stages.image(1, box("b1"), refused, box("b3", "zebra", corners=(0.6, 0.1, 0.9, 0.9)))
    stages.image(2, box("b4")).image(3).write()
    return assemble(project).dataset


@pytest.fixture
def reference(found: Dataset) -> Dataset:
    """The same images but the last; a box less on the first, one more on the second."""
    first, second = (replace(image, split=split) for image, split in zip(found.images, ("train", "val"), strict=False))
    more = LabeledBox("zebra", 0.6, 0.5, 0.9, 0.9)
    return changed(
        found,
        name="there",
        images=[replace(first, boxes=first.boxes[:1]), replace(second, boxes=[*second.boxes, more])],
    )


class Plain:
    at_once = 1

    def place(self, image_id: str, target: Path) -> None:
        target.write_bytes(picture(1))

    def read(self, image_id: str, file_name: str) -> bytes:
        return picture(1)


@pytest.fixture
def write(tmp_path: Path, reference: Dataset) -> Write:
    def write_reference(name: str = "coco", dataset: Dataset | None = None) -> Path:
        folder = tmp_path / f"reference-{name}"
        folder.mkdir()
        FORMATS[name].write(dataset or reference, folder, Plain())
        return folder

    return write_reference


@pytest.fixture
def compare(found: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    dlf = Commands(monkeypatch, capsys)
    return lambda *words: dlf("compare", "--project", "p", "--reference", *words)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def checked(told: dict[str, Any]) -> None:
    """The numbers of `found` beside `reference`."""
    assert (told["images"], told["only_here"], told["only_there"]) == (2, 1, 0)
    assert (told["boxes"], told["reference_boxes"]) == (3, 3)
    assert (told["precision"], told["recall"]) == (0.6667, 0.6667)
    assert {one["name"]: (one["precision"], one["recall"]) for one in told["classes"]} == {
        "person": (1.0, 1.0),
        "zebra": (0.0, 0.0),
    }
    assert {one["query"]: (one["agreement"], one["yes_rate"]) for one in told["queries"]} == {
        "person": (1.0, 0.6667),
        "zebra": (0.0, 1.0),
    }
    assert told["yes_rate"] == 0.75
    assert told["counts"] == {"-1": 1, "1": 1}
    assert {(one["only_here"], one["only_there"]) for one in told["worst"]} == {(1, 0), (0, 1)}


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_in_any_format_is_a_reference(name: str, compare: Any, write: Write, hub: Hub) -> None:
    checked(compare(write(name), "--json").json())
    assert hub.requests == []


@pytest.mark.parametrize("name", ["coco", "yolo", "parquet", "labels"])
def test_a_data_set_on_the_hub_is_a_reference(name: str, compare: Any, write: Write, hub: Hub) -> None:
    hub.add(SIGNS, files(write(name)))
    done = compare(SIGNS, "--json")
    checked(done.json())
    assert done.json()["reference"] == SIGNS
    assert done.err == ""
    assert hub.tokens_seen() == set()


@pytest.mark.parametrize("path", ["coco/annotations.json", "yolo/data.yaml", "labels/labels.parquet"])
def test_a_file_is_a_reference(path: str, compare: Any, write: Write) -> None:
    name, _, file = path.partition("/")
    checked(compare(write(name) / file, "--json").json())


def test_labels_of_others_are_known_by_the_names_of_the_files(compare: Any, write: Write, reference: Dataset) -> None:
    foreign = [
        replace(image, image_id=f"{n}.jpg", file_name=f"{n}.jpg", source_name=None)
        for n, image in enumerate(reference.images, 1)
    ]
    checked(compare(write("voc", changed(reference, images=foreign)), "--json").json())


def test_what_is_printed_can_be_read(compare: Any, write: Write) -> None:
    done = compare(write())
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    for wanted in (
        "images 2 on both sides; 1 only here, 0 only there",
        "boxes 3 here, 3 there",
        "yes_rate 0.750 here, 1.000 there",
        "class here there precision recall AP50",
        "person 2 2 1.000 1.000 1.000",
        "zebra 1 1 0.000 0.000 0.000",
        "query boxes agreement yes_rate",
        "person 2 1.000 0.667",
        "image bucket only here only there",
        f"{1:032x}.jpg positive/x 1 0",
    ):
        assert wanted.split() in lines, wanted


def test_numbers_and_plots_lie_in_the_data_root_or_where_they_are_wanted(
    compare: Any, write: Write, workspace: TestWorkspace, tmp_path: Path
) -> None:
    folder = write()
    told = compare(folder, "--json").json()
    usual = workspace.data("p") / "comparison"
    assert told["folder"] == str(usual)
    assert sorted(files(usual)) == ["classes.png", "comparison.json", "counts.png"]
    written = json.loads((usual / "comparison.json").read_text())
    assert {"folder": str(usual), **written} == told
    assert written["reference"] == str(folder)
    for name in ("classes.png", "counts.png"):
        with Image.open(usual / name) as shown:
            shown.load()
    compare(folder, "--out", tmp_path / "a" / "b")
    assert files(tmp_path / "a" / "b") == files(usual)


def test_classes_of_the_reference_get_our_names_or_are_left_out(compare: Any, write: Write, reference: Dataset) -> None:
    names = {"person": "Mensch", "zebra": "Zebra, a"}
    images = [
        replace(image, boxes=[replace(one, class_name=names[one.class_name]) for one in image.boxes])
        for image in reference.images
    ]
    folder = write("coco", changed(reference, classes=["Mensch", "Zebra, a"], images=images))
    done = compare(folder, "--json")
    assert done.code == 1
    assert "they share no class; the reference has: Mensch, Zebra, a. Rename its classes with --classes." in done.err
    told = compare(folder, "--classes", "Mensch=person", "--json").json()
    assert [one["name"] for one in told["classes"]] == ["person"]
    assert (told["precision"], told["recall"]) == (1.0, 1.0)
    for wrong, said in (("person=Mensch", "has no class 'person'"), ("Mensch", "'Mensch' is not old=new")):
        assert said in compare(folder, "--classes", wrong).err


def test_what_is_no_reference_is_one_sentence(compare: Any, write: Write, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"images": [')
    (tmp_path / "broken.parquet").write_bytes(b"PAR1PAR1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a file").write_text("x")
    folder = write()
    for words, said in (
        ([tmp_path / "nowhere.json"], "nowhere.json: is not there."),
        (["nowhere"], "nowhere: is not there."),
        ([tmp_path / "broken.json"], "broken.json: is not COCO JSON"),
        ([tmp_path / "broken.parquet"], "broken.parquet: is not a Parquet file that can be read."),
        ([tmp_path / "empty"], "empty: holds no data set that is known"),
        ([tmp_path / "notes.txt"], "notes.txt: its ending is of no format"),
        ([folder, "--format", "cocco"], "did you mean 'coco'?"),
        ([folder, "--format", "voc"], "reference-coco: has no Annotations/*.xml"),
        ([folder, "--out", tmp_path / "a file"], "a file: cannot be written: File exists; choose another --out."),
        ([tmp_path / ("x" * 300)], "x: cannot be read: File name too long."),
    ):
        done = compare(*words)
        assert (done.code, done.out) == (1, ""), words
        assert said in done.err
        assert len(done.err.splitlines()) == 1
    assert hub.requests == []


def test_a_path_that_could_be_a_name_on_the_hub_is_said_to_be_in_neither_place(compare: Any, hub: Hub) -> None:
    done = compare("labels/val.json")
    assert done.code == 1
    assert "labels/val.json: is not there" in done.err
    assert "there is no such data set" in done.err


def test_a_project_without_labels_and_images_that_nobody_shares_are_sentences(
    project: Project, compare: Any, write: Write, reference: Dataset, workspace: TestWorkspace, tmp_path: Path
) -> None:
    foreign = [
        replace(one, image_id=f"x{n}", file_name=f"x{n}.jpg", source_name=None)
        for n, one in enumerate(reference.images)
    ]
    assert (
        "share no image, neither by hash nor by file name"
        in compare(write("coco", changed(reference, images=foreign))).err
    )
    Finished(project).write()
    done = compare(tmp_path / "reference-coco")
    assert (done.code, "project 'p' has no labelled image yet; run `dlf pipeline` first." in done.err) == (1, True)


def test_no_token_is_printed_or_written(
    compare: Any, write: Write, hub: Hub, workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("maker/signs", files(write("labels")), private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    shown = [compare("maker/signs"), compare("maker/signs", "--json"), compare("maker/none")]
    assert [done.code for done in shown] == [0, 0, 1]
    assert hub.tokens_seen() == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join(done.out + done.err for done in shown)
    assert not [path for path, content in files(workspace.root).items() if TOKEN.encode() in content]
