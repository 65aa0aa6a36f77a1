"""The two packaged detectors on the sample photos: what stands in them is found, inside the picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from dlf_core.boxes import iou
from dlf_core.errors import BackendUnavailable
from dlf_core.formats import coco
from dlf_core.project import Project
from dlf_resources.detectors import coco_ssd, detection, nanodet
from dlf_resources.detectors.vocabulary import class_index, class_names
from dlf_resources.images import open_upright

DETECTORS = [nanodet, coco_ssd]
EVERY = list(range(80))

Photo = Callable[[str], Image.Image]


@pytest.fixture(scope="module")
def picture(sample: Project) -> Photo:
    """A sample photo by the last digits of its name."""
    files = list(sample.file.parent.rglob("*.jpg"))

    def load(ending: str) -> Image.Image:
        (file,) = [file for file in files if file.stem.endswith(ending)]
        return open_upright(file.read_bytes())

    return load


@pytest.fixture(scope="module")
def truth(sample: Project) -> Callable[[str, str], np.ndarray]:
    """The ground-truth boxes of a photo and class, `[n, 4]`."""
    data = coco.read(sample.beside(str(sample.ground_truth)))

    def boxes(ending: str, name: str) -> np.ndarray:
        (image,) = [image for image in data.images if Path(image.file_name).stem.endswith(ending)]
        return np.array([(b.x1, b.y1, b.x2, b.y2) for b in image.boxes if b.class_name == name and not b.crowd])

    return boxes


@pytest.mark.parametrize("detector", DETECTORS)
def test_boxes_lie_in_the_picture_best_first_above_the_score_asked_for(detector: ModuleType, picture: Photo) -> None:
    found = detector.detect(picture("184324"), EVERY, 0.2)
    assert sorted(found) == EVERY
    assert sum(len(each.boxes) for each in found.values()) > 10
    for each in found.values():
        assert each.boxes.shape == (len(each.scores), 4)
        assert (each.boxes >= 0).all()
        assert (each.boxes <= 1).all()
        assert (each.boxes[:, :2] < each.boxes[:, 2:]).all()
        assert (each.scores >= 0.2).all()
        assert (each.scores <= 1).all()
        assert (np.diff(each.scores) <= 0).all()
        overlaps = iou(each.boxes, each.boxes) - np.eye(len(each.boxes))
        assert overlaps.max(initial=0) <= 0.6


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(
    ("ending", "name", "share"),
    [("129054", "zebra", 0.6), ("393226", "person", 1.0), ("343706", "person", 1.0), ("343706", "cell phone", 1.0)],
)
def test_what_people_drew_is_found_where_they_drew_it(
    detector: ModuleType, picture: Photo, truth: Callable[[str, str], np.ndarray], ending: str, name: str, share: float
) -> None:
    index = class_index(name)
    drawn = truth(ending, name)
    found = detector.detect(picture(ending), [index], 0.3)[index]
    assert (iou(drawn, found.boxes) >= 0.5).any(axis=1).mean() >= share
    assert (iou(found.boxes, drawn) >= 0.5).any(axis=1).mean() >= 0.7


def test_only_the_classes_asked_for_are_told(picture: Photo) -> None:
    zebra, dog = class_names().index("zebra"), class_names().index("dog")
    for detector in DETECTORS:
        found = detector.detect(picture("129054"), [zebra, dog], 0.3)
        assert list(found) == [zebra, dog]
        assert len(found[zebra].boxes) >= 5
        assert len(found[dog].boxes) == 0


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (2000, 3), (3, 2000)])
def test_a_picture_of_one_colour_holds_nothing_whatever_its_shape(detector: ModuleType, size: tuple[int, int]) -> None:
    found = detector.detect(Image.new("RGB", size, (120, 130, 140)), EVERY, 0.5)
    assert sum(len(each.boxes) for each in found.values()) == 0


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_run_and_thread_gets_the_same_numbers(detector: ModuleType, picture: Photo) -> None:
    image = picture("188465")
    first = detector.detect(image, [0], 0.1)[0]
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: detector.detect(image, [0], 0.1)[0], range(4)))
    assert len(first.scores) >= 10
    for other in others:
        assert np.array_equal(first.boxes, other.boxes)
        assert np.array_equal(first.scores, other.scores)


def test_boxes_are_fractions_of_a_picture_of_any_size(picture: Photo) -> None:
    image = picture("393226")
    larger = image.resize((image.width * 2, image.height * 2))
    for detector in DETECTORS:
        small, large = (detector.detect(each, [0], 0.5)[0].boxes for each in (image, larger))
        assert len(small) == len(large) == 1
        assert iou(small, large)[0, 0] > 0.85


def test_a_session_is_made_once() -> None:
    assert detection.session(nanodet.FILE) is detection.session(nanodet.FILE)


def test_a_damaged_model_is_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    monkeypatch.setattr(detection.resources, "files", lambda _: tmp_path)
    with pytest.raises(
        BackendUnavailable, match=r"model broken\.onnx does not load .*; install data-label-factory again"
    ):
        detection.session("broken.onnx")
