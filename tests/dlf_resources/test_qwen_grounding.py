"""`qwen` for label: boxes that a language model writes, in whatever form, and servers with and without schemas."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from model_servers.asking import assert_fit, picture, prepare
from model_servers.chat import COMPLETIONS, MODEL, MODELS, PROMPT_TOKENS, Chat, boxes, says
from model_servers.loopback import HTML, Fault, detail, die, echo, half, hang_up, slow, status

from dlf_core.errors import BackendError, BackendUnavailable, ImageRejected
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_resources.grounding import Detection, GroundingBackend, open_grounding
from dlf_resources.picture import Picture

# 280 × 280 pixels are what Qwen2.5-VL sees of them: a multiple of 28.
SIDE = 280


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)
    monkeypatch.setenv("QWEN_MODEL_PATH", MODEL)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with Chat() as chat:
        monkeypatch.setenv("QWEN_URL", chat.url)
        yield chat


def ground(backend: GroundingBackend, queries: list[str], *, of: Picture | None = None, times: int = 1) -> list[Any]:
    """What each picture gets; what ends the connection comes out."""

    async def inside() -> list[Any]:
        async with backend.connected():
            asked = of or picture(SIDE, SIDE)
            work = [backend.ground(asked, queries) for _ in range(times)]
            return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 8)

    return asyncio.run(inside())


def one(project: Project, text: str, server: Chat, **more: Any) -> Any:
    """Boxes of one query, when the model says this."""
    server.answer = lambda prompt, seen: text
    return ground(open_grounding("qwen", project), ["car"], **more)[0]["car"]


def corners(found: list[Detection]) -> list[tuple[float, ...]]:
    return [tuple(round(value, 4) for value in (box.x1, box.y1, box.x2, box.y2)) for box in found]


def test_every_query_is_asked_with_schema_and_picture_and_boxes_are_parts_of_it(server: Chat, project: Project) -> None:
    said = {"car": boxes([[28, 56, 140, 280]]), "traffic light": boxes([]), 'a "red" {car}': boxes([[0, 0, 280, 28]])}
    server.answer = lambda prompt, seen: next(text for query, text in said.items() if f"every {query} in" in prompt)
    backend = open_grounding("qwen", project)
    (found,) = ground(backend, list(said))
    assert list(found) == list(said)
    assert found["car"] == [Detection(0.1, 0.2, 0.5, 1.0, None, ScoreKind.NONE)]
    assert found["traffic light"] == []
    assert corners(found['a "red" {car}']) == [(0, 0, 1, 0.1)]
    assert [request.path for request in server.requests] == [MODELS] + [COMPLETIONS] * 4
    asked = [request.json() for request in server.requests[1:]]
    assert "image_url" not in json.dumps(asked[0])  # whether it keeps to schemas is asked without a picture
    assert {one["response_format"]["json_schema"]["schema"]["type"] for one in asked} == {"array"}
    assert server.sizes == [(SIDE, SIDE)] * 3
    assert backend.usage.requests == 5
    assert backend.usage.input_tokens == 4 * PROMPT_TOKENS


@pytest.mark.parametrize(
    "fault", [None, status(500), detail(400, "response_format is not supported"), says("Here: []")]
)
def test_a_server_without_schemas_is_asked_in_words(server: Chat, project: Project, fault: Fault | None) -> None:
    server.schemas = False
    if fault:
        server.next(COMPLETIONS, fault)
    assert corners(one(project, f"```json\n{boxes([[0, 0, 140, 140]])}\n```", server)) == [(0, 0, 0.5, 0.5)]
    first, second = (request.json() for request in server.asked(COMPLETIONS))
    assert "response_format" in first
    assert "response_format" not in second


def test_a_server_that_refuses_logprobs_still_grounds(server: Chat, project: Project) -> None:
    server.logprobs = "refused"
    assert corners(one(project, boxes([[0, 0, 140, 140]]), server)) == [(0, 0, 0.5, 0.5)]


def test_many_queries_that_are_out_when_logprobs_are_refused_are_all_asked_again(
    server: Chat, project: Project
) -> None:
    server.logprobs = "refused"
    server.seconds = 0.02
    server.answer = lambda prompt, seen: "[]"
    (found,) = ground(open_grounding("qwen", project), ["a", "b", "c", "d"])
    assert found == {"a": [], "b": [], "c": [], "d": []}


@pytest.mark.parametrize(
    "text",
    [
        '[{"bbox_2d": [28, 56, 140, 280], "label": "car"}]',
        '```json\n[{"bbox_2d": [28, 56, 140, 280], "label": "car"}]\n```\nThat is all.',
        'There it is: {"bbox_2d": [28.0, 56.0, 140.0, 280.0]}',
        '[{"bbox_2d": [28, 56, 140, 280], "label": "car"}, {"bbox_2d": [28, 56, 1',
        '[{"bbox_2d": ["28", "56", "140", "280"]}]',
        "[28, 56, 140, 280]",
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": [28, 56, 140, 280]}]',
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": [140, 56, 28, 280]}]',
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": [0, 0, 5000, 5000]}]',
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": [NaN, 0, 10, 10]}, {"bbox_2d": [0, 0, Infinity, 10]}]',
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": ["a", "b", "c", "d"]}, {"bbox_2d": [1, 2, 3]}]',
        '[{"bbox_2d": [28, 56, 140, 280]}, {"bbox_2d": [-100, 0, 10, 10]}, {"bbox_2d": [5, 5, 5, 5]}]',
    ],
)
def test_boxes_are_read_in_many_forms_and_those_that_are_none_left_out(
    server: Chat, project: Project, text: str
) -> None:
    assert corners(one(project, text, server)) == [(0.1, 0.2, 0.5, 1.0)]


@pytest.mark.parametrize("text", ["[]", "```json\n[]\n```", "{}", "There are no cars in this image.", "None"])
def test_nothing_there_is_an_answer(server: Chat, project: Project, text: str) -> None:
    assert one(project, text, server) == []


@pytest.mark.parametrize(
    "text",
    ["I cannot help with that.", "", "[{", '{"bbox_2d": ', "data:image/png;base64," + "iVBORw0KGgo" * 100, "[1, 2, 3]"],
)
def test_what_is_no_list_of_boxes_is_an_error_of_this_query(server: Chat, project: Project, text: str) -> None:
    failure = one(project, text, server)
    assert isinstance(failure, BackendError)
    assert str(failure).startswith(f"{MODEL} answered no list of boxes: ")
    assert_fit([failure])


@pytest.mark.parametrize(
    "text",
    [
        '[{"bbox_2d": [0, 0, 5000, 5000]}, {"bbox_2d": [-90, -90, 10, 10]}]',
        '[{"bbox_2d": [140, 140, 28, 28]}]',
        '[{"bbox_2d": [NaN, NaN, NaN, NaN]}]',
        '[{"bbox_2d": ["a", "b", "c", "d"]}]',
        '[{"bbox_2d": [1e400, 0, 10, 10]}]',
        '[{"bbox_2d": [null, 0, 10, [1]]}]',
    ],
    ids=["outside", "inverted", "NaN", "words", "infinite", "a list"],
)
def test_boxes_of_which_none_lies_in_the_picture_are_an_error_not_an_empty_answer(
    server: Chat, project: Project, text: str
) -> None:
    failure = one(project, text, server)
    assert isinstance(failure, BackendError)
    assert_fit([failure])


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400], ids=["huge", "hugely negative"])
def test_a_number_beyond_all_numbers_is_no_box(server: Chat, project: Project, number: str) -> None:
    text = f'[{{"bbox_2d": [{number}, 0, 10, 10]}}, {{"bbox_2d": [28, 56, 140, 280]}}]'
    assert corners(one(project, text, server)) == [(0.1, 0.2, 0.5, 1.0)]


def test_ten_thousand_boxes_are_five_hundred_at_most_and_take_a_moment(server: Chat, project: Project) -> None:
    grid = [[x, y, x + 2, y + 2] for x in range(0, 200, 2) for y in range(0, 200, 2)]
    backend = open_grounding("qwen", project)
    server.answer = lambda prompt, seen: boxes(grid)
    began = time.perf_counter()
    (found,) = ground(backend, ["car"])
    assert time.perf_counter() - began < 1.5
    assert len(found["car"]) == 500
    assert corners(found["car"])[0] == (0, 0, round(2 / SIDE, 4), round(2 / SIDE, 4))


def test_a_box_drawn_again_and_again_is_one(server: Chat, project: Project) -> None:
    again = [[28, 56, 140, 280], [28.5, 56, 140, 280], [28, 56, 141, 279]] * 300
    assert len(one(project, boxes(again), server)) == 1


def test_the_pixels_are_those_of_the_picture_as_it_was_sent(server: Chat, make_project: Callable[..., Project]) -> None:
    """A quarter of the pixels: half the sides, and then rounded to multiples of 28 as the model does."""
    project = make_project(servers="{qwen: {max_pixels: 78400}}")
    found = one(project, boxes([[0, 0, 140, 280]]), server, of=picture(560, 560))
    assert server.sizes == [(280, 280)]
    assert corners(found) == [(0, 0, 0.5, 1.0)]


def test_qwen3_counts_in_thousandths(server: Chat, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    server.loaded = {"Qwen/Qwen3-VL-8B-Instruct": True}
    monkeypatch.setenv("QWEN_MODEL_PATH", "Qwen/Qwen3-VL-8B-Instruct")
    assert corners(one(project, boxes([[100, 200, 500, 1000]]), server)) == [(0.1, 0.2, 0.5, 1.0)]


def test_one_query_that_fails_leaves_the_others_their_boxes(server: Chat, project: Project) -> None:
    bad = echo(500)
    server.answer = lambda prompt, seen: "[]"
    server.always(COMPLETIONS, lambda request, good: bad(request, good) if b"every bad " in request.body else good)
    (found,) = ground(open_grounding("qwen", project), ["good", "bad", "fine"])
    assert (found["good"], found["fine"]) == ([], [])
    assert type(found["bad"]) is BackendError
    assert_fit([found["bad"]])
    assert len(server.asked(COMPLETIONS)) == 5


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (status(500, "no"), 2, "answered 500: no."),
        (status(429), 20, "answered 429."),
        (half, 3, "broke off its answer"),
        (hang_up, 3, "broke off its answer"),
        (HTML, 1, "answered no JSON but text/html"),
        (says(None), 1, "answered no list of boxes: nothing"),
    ],
    ids=["500", "429", "half", "closed", "HTML", "no text"],
)
def test_a_fault_is_a_sentence_of_the_query(
    server: Chat, project: Project, fault: Fault, times: int, told: str
) -> None:
    server.next(COMPLETIONS, None, *[fault] * times)
    failure = one(project, "[]", server)
    assert type(failure) is BackendError
    assert told in str(failure)
    assert_fit([failure])
    assert len(server.asked(COMPLETIONS)) == 1 + times


def test_an_answer_that_does_not_come_names_server_and_seconds(
    server: Chat, make_project: Callable[..., Project]
) -> None:
    late = slow(30)
    server.always(COMPLETIONS, lambda request, good: late(request, good) if b"every" in request.body else good)
    project = make_project(servers="{qwen: {request_seconds: 0.2, image_seconds: 0.2}}")
    failure = str(one(project, "[]", server))
    assert failure.startswith(f"qwen at {server.url} gave no answer within ")


def test_a_damaged_picture_fails_with_all_its_queries_and_is_not_sent(server: Chat, project: Project) -> None:
    (found,) = ground(open_grounding("qwen", project), ["a", "b"], of=Picture(lambda: b"no picture"))
    assert isinstance(found, ImageRejected)
    assert server.sizes == []


def test_a_server_that_dies_ends_the_run(server: Chat, project: Project) -> None:
    server.answer = lambda prompt, seen: "[]"
    server.seconds = 0.005
    server.next(COMPLETIONS, *[None] * 10, die)
    found = ground(open_grounding("qwen", project), ["a", "b"], times=20)
    each = [one for result in found for one in result.values()]
    assert {type(one) for one in each} == {list, BackendUnavailable}
    assert_fit(one for one in each if isinstance(one, BackendUnavailable))


def test_questions_of_all_pictures_and_queries_share_the_places(
    server: Chat, make_project: Callable[..., Project]
) -> None:
    server.seconds = 0.01
    server.answer = lambda prompt, seen: "[]"
    backend = open_grounding("qwen", make_project(servers="{qwen: {max_in_flight: 3}}"))
    assert ground(backend, ["a", "b", "c"], times=10) == [{"a": [], "b": [], "c": []}] * 10
    assert server.peak == 3
    assert server.connections <= 4


def test_a_model_that_is_not_served_is_never_asked_for(server: Chat, project: Project) -> None:
    server.loaded = {"another/model": True}
    with pytest.raises(BackendUnavailable, match="serves 'another/model'"):
        ground(open_grounding("qwen", project), ["car"])
    assert server.asked(COMPLETIONS) == []
