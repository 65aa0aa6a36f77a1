"""`falcon`: boxes by mac_tensor or by falcon-perception's own server, whichever answers, and what may go wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from model_servers.asking import assert_fit, picture, prepare
from model_servers.falcon_perception import HEALTH, PREDICTIONS, FalconPerception, prediction, rle
from model_servers.loopback import (
    HTML,
    Fault,
    Reply,
    answers,
    detail,
    die,
    echo,
    echo_raw,
    half,
    half_content,
    hang_up,
    redirect,
    said,
    slow,
    status,
)
from model_servers.mac_tensor import FALCON, INFO, MacTensor, falcon_answer
from model_servers.mlx_server import free_port
from pycocotools import mask as coco_mask

from dlf_core.errors import BackendError, BackendUnavailable, ImageRejected
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_resources.grounding import Detection, GroundingBackend, open_grounding
from dlf_resources.picture import Picture

SIZE = (200, 100)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Iterator[MacTensor]:
    """mac_tensor where GEMMA_URL says."""
    with MacTensor() as server:
        monkeypatch.setenv("GEMMA_URL", server.url)
        yield server


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[FalconPerception]:
    """falcon-perception's server where FALCON_URL says."""
    with FalconPerception() as server:
        monkeypatch.setenv("FALCON_URL", server.url)
        yield server


@pytest.fixture(params=["mac", "own"])
def either(request: pytest.FixtureRequest) -> Any:
    """One of both, and the path of its questions."""
    server = request.getfixturevalue(request.param)
    return server, FALCON if request.param == "mac" else PREDICTIONS


def ground(
    backend: GroundingBackend,
    queries: list[str],
    *,
    of: Picture | None = None,
    times: int = 1,
    before: Callable[[], object] | None = None,
) -> list[Any]:
    """What each picture gets; what ends the connection comes out."""

    async def inside() -> list[Any]:
        async with backend.connected():
            if before:
                before()
            work = [backend.ground(of or picture(*SIZE), queries) for _ in range(times)]
            return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 1)

    return asyncio.run(inside())


def one(project: Project, **more: Any) -> Any:
    """What the query `car` gets of one picture."""
    found = ground(open_grounding("falcon", project), ["car"], **more)[0]
    return found["car"] if isinstance(found, dict) else found


def corners(found: list[Detection]) -> list[tuple[float, ...]]:
    return [tuple(round(value, 4) for value in (box.x1, box.y1, box.x2, box.y2)) for box in found]


# who answers


def test_mac_tensor_is_asked_by_a_form_a_query(mac: MacTensor, project: Project) -> None:
    mac.boxes = {"red car": [(0.1, 0.2, 0.5, 1.0)], "größte Ampel": []}
    backend = open_grounding("falcon", project)
    (found,) = ground(backend, ["red car", "größte Ampel"])
    assert found == {"red car": [Detection(0.1, 0.2, 0.5, 1.0, None, ScoreKind.NONE)], "größte Ampel": []}
    assert [request.path for request in mac.requests] == [INFO, FALCON, FALCON]
    assert sorted(fields["query"] for fields in mac.fields) == ["größte Ampel", "red car"]
    assert mac.sizes == [SIZE] * 2
    assert (backend.usage.requests, backend.usage.retries) == (3, 0)
    assert backend.usage.bytes_sent == sum(len(request.body) for request in mac.requests)


def test_falcons_own_server_is_found_out_and_asked_for_boxes_alone(own: FalconPerception, project: Project) -> None:
    own.boxes = {"car": [(20, 20, 100, 100)]}
    backend = open_grounding("falcon", project)
    assert ground(backend, ["car", "bus"]) == [
        {"car": [Detection(0.1, 0.2, 0.5, 1.0, None, ScoreKind.NONE)], "bus": []}
    ]
    assert [request.path for request in own.requests] == [INFO, HEALTH, PREDICTIONS, PREDICTIONS]
    assert own.sizes == [SIZE] * 2
    assert {asked["task"] for asked in own.asked_for} == {"segmentation"}
    assert "masks" not in backend.parameters


def test_the_name_gemma_for_label_means_the_same(mac: MacTensor, project: Project) -> None:
    mac.boxes = {"car": [(0.1, 0.2, 0.5, 1.0)]}
    backend = open_grounding("gemma", project)
    assert backend.name == "falcon"
    assert corners(ground(backend, ["car"])[0]["car"]) == [(0.1, 0.2, 0.5, 1.0)]


def test_who_answers_is_found_out_at_every_connection(
    mac: MacTensor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_grounding("falcon", project)
    ground(backend, ["car"])
    mac.always(INFO, detail(404, "Not Found"))
    with pytest.raises(BackendUnavailable):
        ground(backend, ["car"])
    mac.always(INFO, None)
    ground(backend, ["car"])
    assert len(mac.asked(FALCON)) == 2


@pytest.mark.parametrize("fault", [None, answers(said({"model": "gemma-4"})), answers(said({}))])
def test_mac_tensor_without_falcon_is_asked_nothing(mac: MacTensor, project: Project, fault: Fault | None) -> None:
    mac.falcon = False
    mac.always(INFO, fault)
    with pytest.raises(BackendUnavailable, match=r"\(mac_tensor\) has no Falcon loaded; start one with") as caught:
        one(project)
    assert_fit([caught.value], longest=460)
    assert mac.asked(FALCON) == []


def test_a_server_that_is_still_loading_is_asked_nothing(own: FalconPerception, project: Project) -> None:
    own.ready = False
    with pytest.raises(BackendUnavailable, match="is still loading its model; try again in a minute"):
        one(project)
    assert own.asked(PREDICTIONS) == []


@pytest.mark.parametrize(
    "fault",
    [
        detail(404, "Not Found"),
        status(500, "Internal Server Error"),
        HTML,
        redirect("http://169.254.169.254/latest/"),
        answers(said([])),
        echo_raw(400),
        hang_up,
        half_content,
    ],
    ids=["404", "500", "HTML", "redirect", "a list", "echo", "closed", "half"],
)
def test_what_is_neither_of_both_is_asked_nothing(mac: MacTensor, project: Project, fault: Fault) -> None:
    mac.always(INFO, fault)
    mac.always(HEALTH, fault)
    with pytest.raises(BackendUnavailable) as caught:
        one(project)
    assert f"falcon at {mac.url} is neither mac_tensor nor falcon-perception's server (" in str(caught.value)
    assert "falcon-mlx" in str(caught.value)
    assert_fit([caught.value], longest=700)
    assert {request.path for request in mac.requests} == {INFO, HEALTH}


def test_what_a_server_says_of_itself_is_shown_in_one_line_and_not_without_end(
    own: FalconPerception, project: Project
) -> None:
    health = {"status": "ready", "model_id": "a\nb" + "c" * 5000, "supported_tasks": ["x\n" * 300] * 20}
    own.always(HEALTH, answers(said(health)))
    with pytest.raises(BackendUnavailable) as caught:
        one(project)
    assert_fit([caught.value])


@pytest.mark.parametrize("number", [401, 403])
def test_a_server_behind_a_key_names_the_variable(mac: MacTensor, project: Project, number: int) -> None:
    mac.always(INFO, detail(number, "who are you?"))
    with pytest.raises(BackendUnavailable, match=rf"answered {number}: who are you\?; look at GEMMA_URL"):
        one(project)
    assert len(mac.requests) == 1


def test_nobody_there_is_said_quickly_with_the_ways_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("FALCON_URL", url)
    began = time.monotonic()
    with pytest.raises(BackendUnavailable) as caught:
        one(project)
    assert time.monotonic() - began < 1
    text = str(caught.value)
    assert text.startswith(f"falcon at {url} cannot be reached; start one with `python -m falcon_perception.server ")
    for way in ("`mac-tensor ui --vision --falcon", "FALCON_URL", "`--backend falcon-mlx`"):
        assert way in text


# boxes


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((0.1, 0.2, 0.5, 1.0), [(0.1, 0.2, 0.5, 1.0)]),
        (("0.1", "0.2", "0.5", "1.0"), [(0.1, 0.2, 0.5, 1.0)]),
        ((0.5, 0.2, 0.1, 1.0), []),
        ((0.1, 0.2, 0.1, 1.0), []),
        ((1.2, 1.2, 1.5, 1.5), []),
        ((-0.9, 0.2, -0.1, 1.0), []),
        ((float("nan"), 0.2, 0.5, 1.0), []),
        ((0.1, 0.2, float("inf"), 1.0), []),
        (("a", "b", "c", "d"), []),
        ((None, 0.2, 0.5, 1.0), []),
        (([0.1], {}, 0.5, 1.0), []),
        ((0.1, 0.2, 0.5), []),
        ((), []),
    ],
    ids=str,
)
def test_boxes_that_are_none_are_left_out(
    either: tuple[Any, str], project: Project, box: tuple[Any, ...], kept: list[tuple[float, ...]]
) -> None:
    server, path = either
    good = (0.6, 0.6, 0.9, 0.9)
    if path == FALCON:
        content = falcon_answer("car", [box, good])
    else:
        pixels = [[_times(value, side) for value, side in zip(one, SIZE * 2, strict=False)] for one in (box, good)]
        content = prediction(SIZE, pixels)
    server.always(path, answers(said(content)))
    assert corners(one(project)) == [*kept, good]


def _times(value: Any, side: int) -> Any:
    if isinstance(value, str) and value[0].isdigit():
        return str(float(value) * side)
    return value * side if isinstance(value, float) else value


def test_a_number_beyond_all_numbers_is_no_box(either: tuple[Any, str], project: Project) -> None:
    server, path = either
    boxes = [(10**400, 0.2, 0.5, 1.0), (0.1, 0.2, 0.5, 1.0)]
    pixels = [(10**400, 20, 100, 100), (20, 20, 100, 100)]
    server.always(path, answers(said(falcon_answer("car", boxes) if path == FALCON else prediction(SIZE, pixels))))
    assert corners(one(project)) == [(0.1, 0.2, 0.5, 1.0)]


@pytest.mark.parametrize("entries", [[7, None, "mask", [], {}, {"bbox": 5}, {"bbox_norm": 5}, {"bbox": None}], []])
def test_entries_that_are_no_boxes_are_left_out(either: tuple[Any, str], project: Project, entries: list[Any]) -> None:
    server, path = either
    server.always(path, answers(said({"masks": entries, "count": 9})))
    found = one(project)
    if entries:  # it named some, and none of them can be read: that is no "none here"
        assert "answered 8 boxes, none of them inside the image" in str(found)
    else:
        assert found == []


def test_boxes_over_the_border_are_in_the_picture(either: tuple[Any, str], project: Project) -> None:
    server, path = either
    boxes = [(-0.1, -0.2, 0.5, 1.3)]
    pixels = [(-20, -20, 100, 130)]
    server.always(path, answers(said(falcon_answer("car", boxes) if path == FALCON else prediction(SIZE, pixels))))
    assert corners(one(project)) == [(0.0, 0.0, 0.5, 1.0)]


def test_ten_thousand_boxes_are_five_hundred_at_most_and_take_a_moment(mac: MacTensor, project: Project) -> None:
    mac.boxes = {"car": [(x / 100, y / 100, (x + 1) / 100, (y + 1) / 100) for x in range(100) for y in range(100)]}
    began = time.perf_counter()
    found = one(project)
    assert time.perf_counter() - began < 1.2
    assert len(found) == 500
    assert corners(found)[:2] == [(0, 0, 0.01, 0.01), (0, 0.01, 0.01, 0.02)]


def test_a_box_drawn_again_and_again_is_one(either: tuple[Any, str], project: Project) -> None:
    server, path = either
    again = [(0.1, 0.2, 0.5, 1.0), (0.101, 0.2, 0.5, 0.999), (0.6, 0.6, 0.9, 0.9)] * 50
    pixels = [(x1 * 200, y1 * 100, x2 * 200, y2 * 100) for x1, y1, x2, y2 in again]
    server.always(path, answers(said(falcon_answer("car", again) if path == FALCON else prediction(SIZE, pixels))))
    assert corners(one(project)) == [(0.1, 0.2, 0.5, 1.0), (0.6, 0.6, 0.9, 0.9)]


def test_pixels_are_those_of_the_picture_as_the_server_saw_it(own: FalconPerception, project: Project) -> None:
    own.always(PREDICTIONS, answers(said(prediction((100, 50), [(10, 10, 50, 50)]))))
    assert corners(one(project)) == [(0.1, 0.2, 0.5, 1.0)]


@pytest.mark.parametrize("sides", [{}, {"image_width": None}, {"image_width": "wide"}, {"image_width": -5}])
def test_without_sides_pixels_are_those_of_the_picture_as_sent(
    own: FalconPerception, project: Project, sides: dict[str, Any]
) -> None:
    content = prediction(SIZE, [(20, 20, 100, 100)]) | {"image_height": 0, "image_width": 0} | sides
    own.always(PREDICTIONS, answers(said(content)))
    assert corners(one(project)) == [(0.1, 0.2, 0.5, 1.0)]


@pytest.mark.parametrize("side", [float("inf"), 10**400], ids=["infinite", "huge"])
def test_a_side_beyond_all_numbers_is_not_taken_for_one(own: FalconPerception, project: Project, side: float) -> None:
    own.always(PREDICTIONS, answers(said(prediction(SIZE, [(20, 20, 100, 100)]) | {"image_width": side})))
    assert corners(one(project)) == [(0.1, 0.2, 0.5, 1.0)]


def test_a_large_picture_is_sent_small_and_boxes_fit_it(
    either: tuple[Any, str], make_project: Callable[..., Project]
) -> None:
    server, path = either
    server.boxes = {"car": [(0.1, 0.2, 0.5, 1.0)] if path == FALCON else [(20, 20, 100, 100)]}
    found = one(make_project(servers="{falcon: {max_pixels: 20000}}"), of=picture(800, 400, "PNG"))
    assert server.sizes == [SIZE]
    assert corners(found) == [(0.1, 0.2, 0.5, 1.0)]


# masks


@pytest.fixture
def masked(make_project: Callable[..., Project]) -> Project:
    return make_project(masks="true")


def filled(mask: str | None) -> tuple[float, ...]:
    """The box around a mask's pixels, `x y width height`."""
    assert mask is not None
    return tuple(coco_mask.toBbox(json.loads(mask)).tolist())


def test_masks_are_asked_for_where_the_project_wants_them(own: FalconPerception, masked: Project) -> None:
    own.boxes = {"car": [(20, 20, 100, 100), (120, 10, 160, 40)]}
    backend = open_grounding("falcon", masked)
    (found,) = ground(backend, ["car"])
    assert corners(found["car"]) == [(0.1, 0.2, 0.5, 1.0), (0.6, 0.1, 0.8, 0.4)]
    assert [filled(box.mask_rle) for box in found["car"]] == [(20, 20, 80, 80), (120, 10, 40, 30)]
    assert json.loads(found["car"][0].mask_rle)["size"] == [100, 200]
    assert own.asked_for[0]["task"] == "segmentation"
    assert backend.parameters["masks"] == 1


def test_mac_tensor_sends_no_masks_and_says_so(mac: MacTensor, masked: Project) -> None:
    with pytest.raises(
        BackendUnavailable, match="is mac_tensor, which sends no masks; take 'masks: true' out"
    ) as caught:
        one(masked)
    assert_fit([caught.value])
    assert mac.asked(FALCON) == []


@pytest.mark.parametrize(("tasks", "with_masks"), [(["detection"], True), ([], False)])
def test_a_server_without_the_task_is_asked_nothing(
    own: FalconPerception, make_project: Callable[..., Project], tasks: list[str], with_masks: bool
) -> None:
    own.tasks = tasks
    wanted = "segmentation" if with_masks else "detection"
    with pytest.raises(BackendUnavailable, match=rf"serves tiiuae/Falcon-Perception without {wanted} \(it has: "):
        one(make_project(masks=str(with_masks).lower()))
    assert own.asked(PREDICTIONS) == []


@pytest.mark.parametrize(
    "mask",
    [
        {},
        None,
        "mask",
        {"size": [100, 200]},
        {"size": [100, 200], "counts": "###"},
        {"size": [100, 200], "counts": ""},
        {"size": [100, 200], "counts": "Traceback\n" * 50},
        {"size": [100], "counts": "PPP"},
        {"size": [-1, 5], "counts": "5"},
        {"size": [10**30, 10**30], "counts": "5"},
        {"size": ["a", "b"], "counts": "5"},
        {"size": [100, 200], "counts": [4, 5]},
    ],
    ids=str,
)
def test_a_mask_that_is_none_costs_no_box(own: FalconPerception, masked: Project, mask: Any) -> None:
    content = prediction(SIZE, [(20, 20, 100, 100)])
    content["masks"][0]["rle"] = mask
    own.always(PREDICTIONS, answers(said(content)))
    (box,) = one(masked)
    assert box == Detection(0.1, 0.2, 0.5, 1.0, None, ScoreKind.NONE, None)


def test_a_mask_with_the_box_of_another_is_believed_over_the_box(own: FalconPerception, masked: Project) -> None:
    """Version 1.0.0 pairs masks and boxes by place, and leaves empty masks out of one of the two lists."""
    content = prediction(SIZE, [(20, 20, 60, 60), (120, 10, 160, 40)], masks=True)
    content["masks"][0]["rle"] = content["masks"][1]["rle"]
    content["masks"][1]["rle"] = rle(SIZE, (0, 0, 10, 10))
    own.always(PREDICTIONS, answers(said(content)))
    assert corners(one(masked)) == [(0.6, 0.1, 0.8, 0.4), (0.0, 0.0, 0.05, 0.1)]


def test_an_empty_mask_leaves_the_box_without_one(own: FalconPerception, masked: Project) -> None:
    content = prediction(SIZE, [(20, 20, 100, 100)])
    empty = coco_mask.encode(np.zeros((100, 200), dtype=np.uint8, order="F"))
    content["masks"][0]["rle"] = {"size": [100, 200], "counts": empty["counts"].decode()}
    own.always(PREDICTIONS, answers(said(content)))
    (box,) = one(masked)
    assert (box.x2, box.mask_rle) == (0.5, None)


# faults of a question


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (status(500, "Internal Server Error"), 2, "answered 500: Internal Server Error."),
        (answers(said({"error": "kernel panic"}, 500)), 2, "answered 500: kernel panic."),
        (echo(500), 2, "answered 500: Failed to load"),
        (echo_raw(500), 2, "answered 500: "),
        (echo_raw(422), 1, "answered 422: "),
        (answers(said({"error": "Falcon Perception is not loaded"}, 400)), 1, "answered 400: Falcon Perception is not"),
        (status(503, "busy"), 20, "answered 503: busy."),
        (status(429, Retry_After="0"), 20, "answered 429."),
        (half, 3, "broke off its answer (ClientPayloadError)."),
        (hang_up, 3, "broke off its answer (ServerDisconnectedError)."),
        (half_content, 1, "answered no JSON but application/json: {"),
        (HTML, 1, "answered no JSON but text/html: <!DOCTYPE html>"),
        (answers(said({"count": 0})), 1, "answered without 'masks': {"),
        (answers(said({"masks": {"0": 1}})), 1, "answered without 'masks': {"),
        (answers(said({"masks": None, "annotated_image": "iVBORw0KGgo" * 99})), 1, "answered without 'masks': {"),
        (answers(said([])), 1, "answered JSON that is no object: []"),
        (redirect("http://169.254.169.254/latest/meta-data/"), 1, "answered 307, a redirect"),
    ],
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_a_fault_is_a_sentence_of_this_query_and_the_next_one_is_answered(
    either: tuple[Any, str], project: Project, fault: Fault, times: int, told: str
) -> None:
    server, path = either
    server.boxes = {"car": []}
    backend = open_grounding("falcon", project)
    server.next(path, *[fault] * times)

    async def inside() -> list[Any]:
        async with backend.connected():
            return [(await backend.ground(picture(*SIZE), ["car"]))["car"] for _ in range(2)]

    failure, found = asyncio.run(inside())
    assert type(failure) is BackendError
    assert f"falcon at {server.url} {told}" in str(failure)
    assert_fit([failure])
    assert found == []
    assert len(server.asked(path)) == times + 1


def test_one_query_that_fails_leaves_the_others_their_boxes(either: tuple[Any, str], project: Project) -> None:
    server, path = either
    server.always(path, lambda request, good: echo(500)(request, good) if b"a bad one" in request.body else good)
    (found,) = ground(open_grounding("falcon", project), ["good", "a bad one", "fine"])
    assert list(found) == ["good", "a bad one", "fine"]
    assert (found["good"], found["fine"]) == ([], [])
    assert_fit([found["a bad one"]])
    assert len(server.asked(path)) == 4


def test_what_is_no_picture_fails_with_all_its_queries_and_is_not_sent(
    either: tuple[Any, str], project: Project
) -> None:
    server, path = either
    whole = picture(*SIZE).encoded(1 << 20).content
    for content in (b"no picture", whole[: len(whole) // 2]):
        (found,) = ground(open_grounding("falcon", project), ["a", "b"], of=Picture(lambda content=content: content))
        assert isinstance(found, ImageRejected)
    assert server.asked(path) == []


def test_an_answer_that_does_not_come_names_server_and_seconds(
    either: tuple[Any, str], make_project: Callable[..., Project]
) -> None:
    server, path = either
    server.always(path, slow(30))
    failure = one(make_project(servers="{falcon: {request_seconds: 0.2, image_seconds: 0.2}}"))
    assert str(failure).startswith(f"falcon at {server.url} gave no answer within ")


def test_queries_of_all_pictures_share_the_places(
    either: tuple[Any, str], make_project: Callable[..., Project]
) -> None:
    server, _ = either
    server.seconds = 0.005
    backend = open_grounding("falcon", make_project(servers="{falcon: {max_in_flight: 3}}"))
    assert ground(backend, ["a", "b", "c"], times=10) == [{"a": [], "b": [], "c": []}] * 10
    assert server.peak == 3
    assert server.connections <= 4


def test_a_server_that_dies_ends_the_run(either: tuple[Any, str], project: Project) -> None:
    server, path = either
    server.seconds = 0.005
    server.next(path, *[None] * 12, die)
    found = ground(open_grounding("falcon", project), ["a", "b"], times=20)
    said_of_each = [one for result in found for one in (result.values() if isinstance(result, dict) else [result])]
    gone = [one for one in said_of_each if isinstance(one, BackendUnavailable)]
    assert gone
    assert any(isinstance(one, list) for one in said_of_each)
    assert_fit(gone, longest=460)


@pytest.mark.parametrize("times", [8, 30])
def test_a_server_that_fails_at_everything_is_probed_and_ends_the_run(
    either: tuple[Any, str], project: Project, times: int
) -> None:
    server, path = either
    broken = Reply(b"CUDA error", 500, "text/plain", seconds=0.01)
    backend = open_grounding("falcon", project)
    found = ground(backend, ["car"], times=times, before=lambda: server.always(path, answers(broken)))
    ended = [result["car"] for result in found if isinstance(result["car"], BackendUnavailable)]
    assert ended
    assert "8 requests in a row failed" in str(ended[0])
    assert_fit(ended, longest=600)


def test_pictures_that_cannot_be_read_are_errors_one_by_one_while_the_probe_is_answered(
    either: tuple[Any, str], project: Project
) -> None:
    server, path = either
    bad = status(500, "cannot identify image file")
    server.always(path, lambda request, good: bad(request, good) if server.sizes[-1] == SIZE else good)
    backend = open_grounding("falcon", project)

    async def inside() -> list[Any]:
        async with backend.connected():
            return [(await backend.ground(picture(*SIZE), ["car"]))["car"] for _ in range(20)]

    found = asyncio.run(inside())
    assert {type(failure) for failure in found} == {BackendError}
    assert server.sizes.count((112, 112)) == 2
