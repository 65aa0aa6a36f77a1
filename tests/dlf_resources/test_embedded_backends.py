"""The embedded backends on the sample photos: label and verify together against boxes that people drew."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL.Image import Image, Resampling

from dlf_core import boxes as geometry
from dlf_core.answers import Verdict
from dlf_core.errors import BackendUnavailable, ImageRejected, QueryNotKnown
from dlf_core.evaluate import evaluate
from dlf_core.formats import coco
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Usage
from dlf_resources.grounding import AVAILABLE as LABEL_BACKENDS
from dlf_resources.grounding import Detection, GroundingBackend, open_grounding
from dlf_resources.grounding import embedded as grounding
from dlf_resources.images import open_upright
from dlf_resources.picture import Crop, Picture
from dlf_resources.vlm import AVAILABLE as VLM_BACKENDS
from dlf_resources.vlm import Answer, Question, VlmBackend, open_vlm

Corners = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def label(sample: Project) -> GroundingBackend:
    return open_grounding("embedded", sample)


@pytest.fixture(scope="module")
def vlm(sample: Project) -> VlmBackend:
    return open_vlm("embedded", sample)


@pytest.fixture(scope="module")
def files(sample: Project) -> dict[str, Path]:
    return {file.name: file for file in sorted(sample.file.parent.rglob("*.jpg"))}


@pytest.fixture(scope="module")
def truth(sample: Project) -> Dataset:
    return coco.read(sample.beside(str(sample.ground_truth)))


@pytest.fixture(scope="module")
def persons(label: GroundingBackend, files: dict[str, Path]) -> dict[str, list[Detection]]:
    """File name → boxes of the query `person`."""
    return {name: grounded(label, file.read_bytes())["person"] for name, file in files.items()}


def grounded(
    label: GroundingBackend, content: bytes, queries: Sequence[str] = ("person", "zebra")
) -> dict[str, list[Detection]]:
    (found,) = grounded_at_once(label, [content], queries)
    return found


def grounded_at_once(
    label: GroundingBackend, contents: Sequence[bytes], queries: Sequence[str]
) -> list[dict[str, list[Detection]]]:
    async def every() -> list[dict[str, list[Detection]]]:
        async with label.connected():
            return await asyncio.gather(*(label.ground(Picture(lambda c=c: c), queries) for c in contents))

    return asyncio.run(every())


def answered(vlm: VlmBackend, picture: Picture, question: Question) -> Answer:
    async def once() -> Answer:
        async with vlm.connected():
            return await vlm.ask(picture, question)

    return asyncio.run(once())


def corners(found: list[Detection]) -> geometry.Boxes:
    return geometry.as_boxes([(box.x1, box.y1, box.x2, box.y2) for box in found])


def asked(vlm: VlmBackend, picture: Image, box: Corners, subject: str = "person") -> Answer:
    """As the verify stage asks: a padded crop, and where in it the box lies."""
    crop = Crop(picture, geometry.pad(box, vlm.crop_padding))
    inside = geometry.clip(geometry.relative_to(geometry.as_boxes([box]), crop.frame))[0].tolist()
    return answered(vlm, crop, Question("verify", subject, "", tuple(inside)))


def test_boxes_lie_in_the_picture_and_say_what_their_score_is(persons: dict[str, list[Detection]]) -> None:
    found = [box for boxes in persons.values() for box in boxes]
    assert len(persons) == 8
    assert len(found) > 40
    assert geometry.valid(corners(found)).all()
    assert all(0.3 <= box.score <= 1 and box.score_kind is ScoreKind.DETECTOR for box in found)
    for boxes in persons.values():
        overlaps = geometry.iou(corners(boxes), corners(boxes)) - np.eye(len(boxes))
        assert overlaps.max(initial=0) <= 0.5


def test_label_and_verify_agree_with_people_on_four_of_five_boxes(
    vlm: VlmBackend, files: dict[str, Path], persons: dict[str, list[Detection]], truth: Dataset
) -> None:
    kept: list[LabeledImage] = []
    for name, found in persons.items():
        picture = open_upright(files[name].read_bytes())
        sure = [box for box in found if asked(vlm, picture, corners([box])[0].tolist()).verdict is Verdict.YES]
        boxes = [LabeledBox("person", box.x1, box.y1, box.x2, box.y2, score=box.score) for box in sure]
        kept.append(LabeledImage(name, name, *picture.size, "train", boxes=boxes))
    result = evaluate(truth, Dataset.of("found", ["person"], kept))
    assert result.truth_boxes == 42
    assert result.precision >= 0.8
    assert result.recall >= 0.35
    unsifted = sum(len(found) for found in persons.values())
    assert result.boxes < unsifted  # verify refuses some; else it would prove nothing


def test_a_query_that_is_not_in_the_picture_is_answered_by_no_boxes(
    label: GroundingBackend, files: dict[str, Path], persons: dict[str, list[Detection]]
) -> None:
    assert persons["000000129054.jpg"] == []
    zebras = grounded(label, files["000000129054.jpg"].read_bytes())["zebra"]
    assert len(zebras) >= 8
    assert grounded(label, files["000000393226.jpg"].read_bytes())["zebra"] == []


def test_phrases_of_one_class_get_the_same_boxes_each_under_its_own_name(
    label: GroundingBackend, files: dict[str, Path], persons: dict[str, list[Detection]]
) -> None:
    name = "000000393226.jpg"
    found = grounded(label, files[name].read_bytes(), ["people", "a woman"])
    assert found == {"people": persons[name], "a woman": persons[name]}


def test_every_run_and_thread_gives_the_same_boxes(
    label: GroundingBackend, files: dict[str, Path], persons: dict[str, list[Detection]]
) -> None:
    names = ["000000184324.jpg", "000000356387.jpg", "000000188465.jpg"] * 2
    again = grounded_at_once(label, [files[name].read_bytes() for name in names], ["person"])
    assert [found["person"] for found in again] == [persons[name] for name in names]


def test_pictures_are_looked_at_in_threads_and_counted(sample: Project, files: dict[str, Path]) -> None:
    label, vlm = open_grounding("embedded", sample), open_vlm("embedded", sample)
    content = files["000000129054.jpg"].read_bytes()
    loop_thread = threading.get_ident()
    read_in: list[int] = []

    def read() -> bytes:
        read_in.append(threading.get_ident())
        return content

    async def three() -> None:
        picture = Picture(read)
        filtered = vlm.ask(picture, Question("filter", "zebra", ""))
        await asyncio.gather(label.ground(picture, ["zebra"]), label.ground(picture, ["person"]), filtered)

    asyncio.run(three())
    assert len(read_in) == 3
    assert loop_thread not in read_in  # the loop goes on while a model computes
    assert (label.usage.requests, vlm.usage.requests) == (2, 1)
    assert label.usage.backend_seconds > 0
    assert label.usage.bytes_sent == vlm.usage.input_tokens == 0


def test_a_large_photo_is_looked_at_as_large_as_the_model_is_told(
    label: GroundingBackend, files: dict[str, Path], odd: ModuleType
) -> None:
    upright = open_upright(files["000000129054.jpg"].read_bytes())
    large = upright.resize((upright.width * 3, upright.height * 3))
    assert max(large.size) > grounding.MAX_SIDE
    shrunk = large.copy()
    shrunk.thumbnail((grounding.MAX_SIDE, grounding.MAX_SIDE), Resampling.BILINEAR)
    found = grounded(label, odd.encoded(large, "PNG", compress_level=1))["zebra"]
    assert len(found) >= 8
    assert found == grounded(label, odd.encoded(shrunk, "PNG"))["zebra"]


def test_a_file_that_is_gone_or_damaged_is_told_of_its_picture(vlm: VlmBackend, label: GroundingBackend) -> None:
    with pytest.raises(ImageRejected, match="not_an_image"):
        grounded(label, b"<html>404</html>")
    with pytest.raises(ImageRejected, match="not_an_image"):
        answered(vlm, Picture(lambda: b""), Question("filter", "person", ""))


@pytest.mark.parametrize("orientation", [2, 5, 6, 8])
def test_a_photo_stored_turned_without_loss_gets_exactly_the_upright_boxes(
    label: GroundingBackend, files: dict[str, Path], odd: ModuleType, orientation: int
) -> None:
    upright = open_upright(files["000000129054.jpg"].read_bytes())
    boxes = grounded(label, odd.encoded(upright, "PNG"))["zebra"]
    assert len(boxes) >= 8
    assert grounded(label, odd.turned(upright, orientation, "PNG"))["zebra"] == boxes


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("name", ["000000343706.jpg", "000000393226.jpg"])
def test_a_jpeg_stored_turned_gets_nearly_the_upright_boxes(
    label: GroundingBackend,
    files: dict[str, Path],
    persons: dict[str, list[Detection]],
    odd: ModuleType,
    name: str,
    orientation: int,
) -> None:
    copy = odd.turned(open_upright(files[name].read_bytes()), orientation, "JPEG", quality=95)
    found = grounded(label, copy)["person"]
    assert len(found) == len(persons[name]) >= 1
    assert geometry.iou(corners(persons[name]), corners(found)).max(axis=1).min() > 0.8


def test_a_box_on_empty_background_is_refused(vlm: VlmBackend, files: dict[str, Path], truth: Dataset) -> None:
    places = [(x / 5, y / 5, (x + 1) / 5, (y + 1) / 5) for x in range(5) for y in range(5)]
    verdicts: list[Verdict] = []
    for image in truth.images:
        drawn = geometry.as_boxes([(box.x1, box.y1, box.x2, box.y2) for box in image.boxes])
        free = [box for box in places if not geometry.iou(geometry.as_boxes([box]), drawn).any()]
        picture = open_upright(files[image.file_name].read_bytes())
        verdicts += [asked(vlm, picture, box).verdict for box in free[:4]]
    assert len(verdicts) >= 10
    assert set(verdicts) == {Verdict.NO}


def test_a_box_around_another_class_is_refused_and_the_answer_says_what_is_there(
    vlm: VlmBackend, label: GroundingBackend, files: dict[str, Path]
) -> None:
    content = files["000000129054.jpg"].read_bytes()
    best = grounded(label, content)["zebra"][0]
    box = (best.x1, best.y1, best.x2, best.y2)
    wrong = asked(vlm, open_upright(content), box, "person")
    assert wrong.verdict is Verdict.NO
    assert wrong.reasoning.startswith("zebra ")
    right = asked(vlm, open_upright(content), box, "zebra")
    assert right.verdict is Verdict.YES
    assert right.score_kind is ScoreKind.DETECTOR
    assert 0.35 <= right.p_yes <= 1
    assert right == asked(vlm, open_upright(content), box, "zebra")


def test_filter_keeps_photos_of_the_target_and_drops_the_others(vlm: VlmBackend, files: dict[str, Path]) -> None:
    said = {
        name: answered(vlm, Picture(file.read_bytes), Question("filter", "person", "")) for name, file in files.items()
    }
    in_folder = {folder: {f.name for f in files.values() if f.parent.name == folder} for folder in ("animals", "birds")}
    for name in in_folder["animals"] | in_folder["birds"]:
        assert said[name].verdict is Verdict.NO
        assert said[name].p_yes < 0.35
    people = [answer.verdict for name, answer in said.items() if files[name].parent.name == "people"]
    assert people.count(Verdict.YES) >= 5


def test_thresholds_of_the_yaml_decide(make_project: Callable[..., Project], files: dict[str, Path]) -> None:
    strict = make_project(thresholds="{filter_score: 1.0, label_score: 0.9, verify_score: 1.0}")
    file = files["000000393226.jpg"]
    vlm, label = open_vlm("embedded", strict), open_grounding("embedded", strict)
    assert answered(vlm, Picture(file.read_bytes), Question("filter", "person", "")).verdict is Verdict.NO
    assert vlm.parameters("filter")["score"] == vlm.parameters("verify")["score"] == 1.0
    assert label.parameters["min_score"] == 0.9
    found = grounded(label, file.read_bytes())["person"]
    assert found
    assert all(box.score >= 0.9 for box in found)


@pytest.mark.parametrize(("threshold", "stage"), [("filter_score", "filter"), ("verify_score", "verify")])
def test_a_threshold_changes_what_its_own_stage_is_asked_and_no_other(
    make_project: Callable[..., Project], vlm: VlmBackend, threshold: str, stage: str
) -> None:
    changed = open_vlm("embedded", make_project(thresholds=f"{{{threshold}: 0.6}}"))
    other = {"filter": "verify", "verify": "filter"}[stage]
    assert changed.parameters(stage) != vlm.parameters(stage)
    assert changed.parameters(other) == vlm.parameters(other)


def test_a_phrase_that_is_no_class_is_refused_before_any_image_is_read(
    vlm: VlmBackend, label: GroundingBackend
) -> None:
    vlm.check(["person", "zebras"], "verify")
    label.check(["person", "zebras"])
    with pytest.raises(QueryNotKnown, match="target_object 'drone'"):
        vlm.check(["person", "drone"], "filter")
    with pytest.raises(QueryNotKnown, match="query 'drone'"):
        label.check(["drone"])


@pytest.fixture
def no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.startswith(("QWEN_", "GEMMA_", "FALCON_")):
            monkeypatch.delenv(variable)


def test_a_backend_that_does_not_exist_is_told_with_those_that_are_there(sample: Project) -> None:
    with pytest.raises(
        BackendUnavailable, match=r"^'falcon' is no backend for filter and verify; there is: qwen, gemma, embedded "
    ):
        open_vlm("falcon", sample)
    with pytest.raises(
        BackendUnavailable, match=r"^'pod' is no backend for label; there is: falcon, falcon-mlx, qwen, embedded "
    ):
        open_grounding("pod", sample)


@pytest.mark.usefixtures("no_addresses")
def test_every_backend_that_is_there_opens_without_asking_anybody(sample: Project) -> None:
    for name in VLM_BACKENDS:
        vlm = open_vlm(name, sample)
        assert vlm.name == name
        assert vlm.model
        assert vlm.window >= 1
        assert vlm.parameters("filter")
        assert vlm.parameters("verify")
        assert vlm.usage == Usage()
    for name in LABEL_BACKENDS:
        label = open_grounding(name, sample)
        assert label.name == name
        assert label.model
        assert label.window >= 1
        assert label.parameters
        assert label.usage == Usage()


@pytest.mark.usefixtures("no_addresses")
def test_gemma_draws_no_boxes_and_means_falcon_for_label(sample: Project) -> None:
    assert open_grounding("gemma", sample).name == "falcon"
