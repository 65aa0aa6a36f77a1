"""`gemma`: mac_tensor's chat about a picture, told as server-sent events, by a server that is known to stall."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from model_servers.asking import assert_fit, photo, picture, prepare
from model_servers.loopback import (
    HTML,
    Fault,
    Reply,
    answers,
    detail,
    die,
    echo_raw,
    half,
    half_content,
    hang_up,
    redirect,
    said,
    slow,
    status,
)
from model_servers.mac_tensor import CHAT, INFO, MacTensor, events
from model_servers.mlx_server import free_port

from dlf_core.answers import Verdict
from dlf_core.errors import BackendError, BackendUnavailable, ImageRejected
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_resources.picture import Picture
from dlf_resources.vlm import Answer, Question, VlmBackend, open_vlm

FILTER = Question("filter", "person", "Does it show a person? Größe egal. Answer YES or NO.")
VERIFY = Question("verify", "person", "Is it a person? YES, NO or UNSURE, and what you see.", (0.1, 0.1, 0.9, 0.9))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MacTensor]:
    with MacTensor() as running:
        monkeypatch.setenv("GEMMA_URL", running.url)
        yield running


def run(vlm: VlmBackend, question: Question = FILTER, *, times: int = 1, of: Picture | None = None) -> list[Any]:
    """Answers, or why there is none, asked at once; what ends the connection comes out."""

    async def inside() -> list[Any]:
        async with vlm.connected():
            work = [vlm.ask(of or picture(), question) for _ in range(times)]
            return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 1)

    return asyncio.run(inside())


def ask(project: Project, question: Question = FILTER, of: Picture | None = None) -> Any:
    return run(open_vlm("gemma", project), question, of=of)[0]


def test_a_question_is_a_form_with_the_picture_and_the_answer_is_its_final_text(
    server: MacTensor, project: Project
) -> None:
    vlm = open_vlm("gemma", project)
    assert run(vlm) == [Answer(Verdict.YES, None, ScoreKind.NONE, "YES", None)]
    assert [request.path for request in server.requests] == [INFO, CHAT]
    assert server.fields == [{"message": FILTER.prompt, "max_tokens": "48"}]
    assert server.sizes == [(96, 64)]
    assert (vlm.usage.requests, vlm.usage.retries, vlm.usage.input_tokens) == (2, 0, 0)
    assert vlm.usage.bytes_sent == len(server.requests[1].body)
    assert "authorization" not in server.requests[1].headers


def test_verify_keeps_what_was_seen(server: MacTensor, project: Project) -> None:
    server.text = "NO, a street lamp\nbeside a tree."
    answer = ask(project, VERIFY)
    assert (answer.verdict, answer.text) == (Verdict.NO, "NO, a street lamp beside a tree.")
    assert answer.reasoning == "a street lamp beside a tree."
    assert answer.p_yes is None


def test_png_and_large_pictures_arrive(server: MacTensor, make_project: Callable[..., Project]) -> None:
    project = make_project(servers="{gemma: {max_pixels: 50000}}")
    assert ask(project, of=picture(120, 90, "PNG")).verdict is Verdict.YES
    assert ask(project, of=picture(900, 300, "PNG")).verdict is Verdict.YES
    assert server.sizes[0] == (120, 90)
    assert server.sizes[1][0] * server.sizes[1][1] <= 50_000
    assert isinstance(ask(project, of=Picture(lambda: b"no picture")), ImageRejected)
    assert len(server.sizes) == 2


def test_a_second_question_waits_at_the_server_and_no_third(server: MacTensor, project: Project) -> None:
    server.seconds = 0.005
    assert len(run(open_vlm("gemma", project), times=20)) == 20
    assert server.peak == 2
    assert server.connections <= 3


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ([{"type": "token", "text": "YE"}, {"type": "token", "text": "S"}, {"type": "done"}], "YES"),
        ([{"type": "final", "text": "YES"}], "YES"),
        ([{"type": "final", "message": "YES"}, {"type": "done"}], "YES"),
        (
            [
                {"type": "tool_call", "text": "NO"},
                {"type": "tool_result", "text": "NO"},
                {"type": "final", "text": "YES"},
            ],
            "YES",
        ),
        ([{"type": "token", "text": "NO"}, {"type": "final", "text": "YES"}, {"type": "done"}], "YES"),
        ([{"type": "new", "text": "NO"}, {}, {"type": None}, {"type": "final", "text": "YES"}], "YES"),
        ([{"type": "done"}], ""),
        ([{"type": "final", "text": None}], ""),
    ],
)
def test_the_text_is_the_final_one_else_its_tokens(
    server: MacTensor, project: Project, stream: list[dict[str, Any]], text: str
) -> None:
    server.always(CHAT, answers(events(stream)))
    answer = ask(project)
    assert answer.text == text
    assert answer.verdict is (Verdict.YES if text else Verdict.UNKNOWN)


@pytest.mark.parametrize(
    "content",
    [
        b'data:{"type":"final","text":"YES"}\r\n\r\n',
        b': ping\n\nevent: x\nid: 4\nretry: 1\ndata: {"type": "final", "text": "YES"}\n\ndata: [DONE]\n\n',
        b'data: 7\n\ndata: {half\n\ndata: {"type": "final", "text": "YES"}\n\n\xff\xfe\n',
        '\ufeffdata: x\n\ndata: {"type": "final", "text": "YES – sí"}\n\n'.encode(),
    ],
    ids=["no space", "comments", "half a line", "BOM"],
)
def test_a_stream_is_read_as_the_standard_says_and_odd_lines_are_passed_over(
    server: MacTensor, project: Project, content: bytes
) -> None:
    server.always(CHAT, answers(Reply(content, 200, "text/event-stream", chunked=True)))
    assert ask(project).verdict is Verdict.YES


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_lines_of_a_stream_end_where_the_standard_says_and_nowhere_else(
    server: MacTensor, project: Project, separator: str
) -> None:
    content = f'data: {{"type": "final", "text": "YES{separator}a man"}}\n\n'.encode()
    server.always(CHAT, answers(Reply(content, 200, "text/event-stream", chunked=True)))
    assert ask(project).text == "YES a man"


def test_what_the_model_says_is_kept_short_and_in_one_line(server: MacTensor, project: Project) -> None:
    for text in ("NO " + "x" * 10_000, "NO\x00\x1b[31m\r\n", "NO data:image/png;base64," + "iVBORw0KGgo" * 50):
        server.text = text
        answer = ask(project, VERIFY)
        assert answer.verdict is Verdict.NO
        assert_fit([answer.text, answer.reasoning or ""])


# what is loaded


@pytest.mark.parametrize(
    "fault",
    [
        None,
        answers(said({"model": "gemma-4", "nodes": []})),
        answers(said({"model": "gemma-4", "vision": None})),
        answers(said({})),
    ],
)
def test_a_server_without_a_vision_model_is_asked_nothing(
    server: MacTensor, project: Project, fault: Fault | None
) -> None:
    server.vision = False
    server.always(INFO, fault)
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert str(caught.value).startswith(f"gemma at {server.url} has no vision model loaded; start it with `mac-tensor ")
    assert "`--backend qwen`" in str(caught.value)
    assert_fit([caught.value])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (detail(404, "Not Found"), 1),
        (status(500, "Internal Server Error"), 2),
        (HTML, 1),
        (half, 2),
        (hang_up, 4),  # aiohttp itself asks again, too, where a GET was not answered at all
        (redirect("http://169.254.169.254/"), 1),
        (answers(said([1])), 1),
    ],
    ids=["404", "500", "HTML", "half", "closed", "redirect", "a list"],
)
def test_what_is_no_mac_tensor_is_asked_nothing(server: MacTensor, project: Project, fault: Fault, most: int) -> None:
    server.always(INFO, fault)
    with pytest.raises(BackendError) as caught:
        ask(project)
    assert f"gemma at {server.url} " in str(caught.value)
    assert_fit([caught.value])
    assert len(server.requests) == len(server.asked(INFO)) <= most


def test_nobody_there_is_said_quickly_with_the_way_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("GEMMA_URL", url)
    began = time.monotonic()
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert time.monotonic() - began < 1
    assert str(caught.value).startswith(f"gemma at {url} cannot be reached; start it with `mac-tensor ui --vision ")
    assert str(caught.value).endswith("or use `--backend qwen`.")


# faults of a question


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (
            answers(events([{"type": "error", "message": "Metal ran out of memory"}])),
            1,
            "answered with an error: Metal ran",
        ),
        (answers(events([{"type": "error"}])), 1, "answered with an error: without a word"),
        (answers(events([{"type": "token", "text": "YES"}])), 1, "broke off its answer before the end (YES)."),
        (answers(events([{"type": "step_start"}])), 1, "broke off its answer before the end (no text yet)."),
        (half_content, 1, "broke off its answer before the end"),
        (half, 3, "broke off its answer (ClientPayloadError)."),
        (hang_up, 3, "broke off its answer (ServerDisconnectedError)."),
        (HTML, 1, "broke off its answer before the end (no text yet)."),
        (answers(Reply(b"", 200, "text/event-stream")), 1, "broke off its answer before the end (no text yet)."),
        (answers(said({"error": "no vision model"}, 400)), 1, "answered 400: no vision model."),
        (answers(said({"error": "kernel panic"}, 500)), 2, "answered 500: kernel panic."),
        (echo_raw(500), 2, "answered 500: "),
        (echo_raw(413), 1, "answered 413: "),
        (status(503), 20, "answered 503."),
        (redirect("http://169.254.169.254/"), 1, "answered 307, a redirect"),
    ],
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_a_fault_is_a_sentence_for_this_picture_and_the_next_one_is_answered(
    server: MacTensor, project: Project, fault: Fault, times: int, told: str
) -> None:
    server.text = "YES, it shows a person in a red coat."
    server.next(CHAT, *[fault] * times)
    vlm = open_vlm("gemma", project)

    async def inside() -> tuple[Any, Any]:
        async with vlm.connected():
            failure = (await asyncio.gather(vlm.ask(picture(), FILTER), return_exceptions=True))[0]
            return failure, await vlm.ask(picture(), FILTER)

    failure, answer = asyncio.run(inside())
    assert type(failure) is BackendError
    assert f"gemma at {server.url} {told}" in str(failure)
    assert_fit([failure])
    assert answer.verdict is Verdict.YES
    assert len(server.asked(CHAT)) == times + 1


def test_an_error_event_may_repeat_the_picture(server: MacTensor, project: Project) -> None:
    url = f"data:image/jpeg;base64,{base64.b64encode(photo()).decode()}"
    trace = "\nTraceback (most recent call last):\n  ValueError"
    server.always(CHAT, answers(events([{"type": "error", "message": f"bad image {url}{trace}"}])))
    failure = ask(project)
    assert str(failure) == f"gemma at {server.url} answered with an error: bad image [image] [traceback]"
    assert_fit([failure])


def test_a_stall_is_cut_off_at_the_deadline_and_names_server_seconds_and_another_backend(
    server: MacTensor, make_project: Callable[..., Project]
) -> None:
    """The picture is at fault: the server works on it a while longer, and then on the next one."""
    server.next(CHAT, slow(1.1))
    vlm = open_vlm("gemma", make_project(servers="{gemma: {request_seconds: 1, image_seconds: 1, max_in_flight: 1}}"))

    async def inside() -> list[Any]:
        async with vlm.connected():
            first = await asyncio.gather(vlm.ask(picture(), FILTER), return_exceptions=True)
            return [*first, await vlm.ask(picture(), FILTER)]

    failure, answer = asyncio.run(inside())
    assert type(failure) is BackendError
    told = "gave no answer within 1 s (mac_tensor is known to stall on questions like this; `--backend qwen` asks"
    assert str(failure).startswith(f"gemma at {server.url} {told}")
    assert_fit([failure])
    assert answer.verdict is Verdict.YES


def test_events_that_never_end_are_cut_off_at_the_deadline_too(
    server: MacTensor, make_project: Callable[..., Project]
) -> None:
    """A stream that has begun is no answer: half of it comes, the rest does not, and nobody closes."""

    def stuck(request: Any, good: Reply) -> Reply:
        whole = f"{len(good.content) * 2}"
        return Reply(good.content, 200, good.media_type, {"Content-Length": whole})

    server.always(CHAT, stuck)
    began = time.monotonic()
    failure = ask(make_project(servers="{gemma: {request_seconds: 0.3, image_seconds: 0.3}}"))
    assert time.monotonic() - began < 1
    assert "gave no answer within" in str(failure)


def test_two_failures_in_a_row_are_probed_with_a_picture_that_can_be_read(server: MacTensor, project: Project) -> None:
    """Where the probe is answered, the pictures were at fault."""
    server.always(
        CHAT, lambda request, good: status(500, "bad")(request, good) if server.sizes[-1] == (96, 64) else good
    )
    vlm = open_vlm("gemma", project)

    async def inside() -> list[Any]:
        async with vlm.connected():
            return [(await asyncio.gather(vlm.ask(picture(), FILTER), return_exceptions=True))[0] for _ in range(6)]

    found = asyncio.run(inside())
    assert {type(one) for one in found} == {BackendError}
    assert server.sizes.count((112, 112)) == 3
    assert len(server.asked(CHAT)) == 6 * 2 + 3


@pytest.mark.parametrize("times", [2, 3, 8])
def test_a_server_that_fails_at_everything_ends_the_run(server: MacTensor, project: Project, times: int) -> None:
    server.seconds = 0.01
    server.always(CHAT, lambda request, good: Reply(b"bad", 500, "text/plain", seconds=0.01))
    found = run(open_vlm("gemma", project), times=times)
    assert BackendUnavailable in {type(one) for one in found}
    assert {type(one) for one in found} <= {BackendError, BackendUnavailable}
    assert_fit(found, longest=460)


def test_a_server_that_says_error_to_everything_ends_the_run(server: MacTensor, project: Project) -> None:
    server.always(CHAT, answers(events([{"type": "error", "message": "the vision model crashed"}])))
    found = run(open_vlm("gemma", project), times=20)
    assert BackendUnavailable in {type(one) for one in found}


def test_a_server_that_dies_in_the_middle_ends_the_run(server: MacTensor, project: Project) -> None:
    server.next(CHAT, *[None] * 5, die)
    found = run(open_vlm("gemma", project), times=15)
    assert {type(one) for one in found} == {Answer, BackendUnavailable}
    assert_fit(one for one in found if isinstance(one, BackendUnavailable))
