"""`qwen` for filter and verify: what is sent, how answers are read, and every way in which a server may misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from model_servers.asking import KEY, assert_fit, photo, picture, prepare
from model_servers.chat import COMPLETION_TOKENS, COMPLETIONS, MODEL, MODELS, PROMPT_TOKENS, Chat, completion, says
from model_servers.loopback import (
    HTML,
    Fault,
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
from model_servers.mlx_server import free_port

from dlf_core.answers import Verdict
from dlf_core.errors import BackendError, BackendUnavailable, ImageRejected
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_resources.picture import Crop, Picture
from dlf_resources.vlm import Answer, Question, VlmBackend, open_vlm

FILTER = Question("filter", "person", "Does it show a person? Answer YES or NO.")
VERIFY = Question("verify", "person", "Is it a person? YES, NO or UNSURE, and what you see.", (0.1, 0.1, 0.9, 0.9))
SERVE = "start one with `dlf serve-vlm`, or set QWEN_URL to where it runs"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)
    monkeypatch.setenv("QWEN_MODEL_PATH", MODEL)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Chat]]:
    """A server where QWEN_URL says."""
    with Chat() as chat:

        def configure(**changed: Any) -> Chat:
            for name, value in changed.items():
                setattr(chat, name, value)
            return chat

        monkeypatch.setenv("QWEN_URL", f"{chat.url}/v1")
        yield configure


def run(
    vlm: VlmBackend,
    question: Question = FILTER,
    *,
    times: int = 1,
    of: Picture | None = None,
    before: Callable[[], object] | None = None,
) -> list[Any]:
    """Answers, or why there is none; what ends the connection comes out."""

    async def one() -> Answer | Exception:
        try:
            return await vlm.ask(of or picture(), question)
        except (BackendError, ImageRejected) as error:
            return error

    async def inside() -> list[Any]:
        async with vlm.connected():
            if before:
                before()
            return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(times))), 1)

    return asyncio.run(inside())


def ask(project: Project, question: Question = FILTER, of: Picture | None = None) -> Any:
    return run(open_vlm("qwen", project), question, of=of)[0]


# what is sent, and what comes of it


def test_filter_asks_one_token_and_reads_verdict_and_score(serve: Callable[..., Chat], project: Project) -> None:
    server = serve(p_yes=0.75)
    vlm = open_vlm("qwen", project)
    (answer,) = run(vlm)
    assert answer == Answer(Verdict.YES, pytest.approx(0.75, abs=1e-4), ScoreKind.LOGPROB, "YES", None)
    assert [request.path for request in server.requests] == [MODELS, COMPLETIONS]
    assert (server.prompts, server.max_tokens, server.sizes) == ([FILTER.prompt], [1], [(96, 64)])
    usage = vlm.usage
    assert (usage.requests, usage.retries, usage.throttled) == (2, 0, 0)
    assert (usage.input_tokens, usage.output_tokens) == (PROMPT_TOKENS, COMPLETION_TOKENS)
    assert usage.bytes_sent == len(server.requests[1].body)


def test_verify_asks_for_words_and_keeps_what_was_seen(serve: Callable[..., Chat], project: Project) -> None:
    server = serve(p_yes=0.2)
    server.answer = lambda prompt, crop: "NO, a street lamp\nbeside a tree."
    answer = ask(project, VERIFY)
    assert (answer.verdict, answer.reasoning) == (Verdict.NO, "a street lamp beside a tree.")
    assert answer.text == "NO, a street lamp beside a tree."
    assert answer.p_yes == pytest.approx(0.2, abs=1e-4)
    assert server.max_tokens == [40]


@pytest.mark.parametrize(
    ("text", "verdict", "reasoning"),
    [
        ("YES", Verdict.YES, None),
        ("**UNSURE** - too dark to tell", Verdict.UNSURE, "too dark to tell"),
        ("no.", Verdict.NO, None),
        ("It is a dog.", Verdict.UNKNOWN, "It is a dog."),
        ("", Verdict.UNKNOWN, None),
        (None, Verdict.UNKNOWN, None),
    ],
)
def test_an_answer_is_taken_at_its_words(
    serve: Callable[..., Chat], project: Project, text: str | None, verdict: Verdict, reasoning: str | None
) -> None:
    serve().always(COMPLETIONS, says(text))
    answer = ask(project, VERIFY)
    assert (answer.verdict, answer.p_yes, answer.score_kind) == (verdict, None, ScoreKind.NONE)
    assert answer.reasoning == reasoning


def test_text_in_parts_is_put_together(serve: Callable[..., Chat], project: Project) -> None:
    parts = [{"type": "text", "text": "YES, "}, {"type": "text"}, "x", {"type": "text", "text": "a man"}]
    serve().always(COMPLETIONS, says(parts))
    assert ask(project, VERIFY).text == "YES, a man"


def test_one_token_that_says_nothing_is_followed_by_a_longer_question_and_the_next_pictures_get_it_at_once(
    serve: Callable[..., Chat], project: Project
) -> None:
    server = serve()
    server.answer = lambda prompt, seen: "The" if server.max_tokens[-1] == 1 else "The picture shows it: YES."
    vlm = open_vlm("qwen", project)
    assert [answer.verdict for answer in run(vlm)] == [Verdict.YES]
    assert server.max_tokens == [1, 24]
    assert [answer.verdict for answer in run(vlm, times=3)] == [Verdict.YES] * 3
    assert server.max_tokens[2:] == [24] * 3


def test_a_model_that_never_says_it_is_asked_twice_and_unknown(serve: Callable[..., Chat], project: Project) -> None:
    server = serve()
    server.answer = lambda prompt, seen: "Hmm"
    vlm = open_vlm("qwen", project)
    assert {answer.verdict for answer in run(vlm, times=3)} == {Verdict.UNKNOWN}
    assert sorted(server.max_tokens) == [1, 1, 1, 24, 24, 24]


def test_a_large_picture_is_sent_small_and_a_small_one_as_it_is(
    serve: Callable[..., Chat], make_project: Callable[..., Project]
) -> None:
    server = serve()
    vlm = open_vlm("qwen", make_project(servers="{qwen: {max_pixels: 50000}}"))
    run(vlm, of=picture(900, 300, "PNG"))
    width, height = server.sizes[0]
    assert 45_000 < width * height <= 50_000
    assert width / height == pytest.approx(3, rel=0.02)
    run(vlm, of=picture(200, 100, "PNG"))
    assert server.sizes[1] == (200, 100)
    assert b"data:image/png;base64," in server.requests[-1].body


def test_crops_as_verify_makes_them_are_sent(serve: Callable[..., Chat], project: Project) -> None:
    server = serve()
    whole = picture(400, 300).pixels()
    assert ask(project, VERIFY, Crop(whole, (0.25, 0.5, 0.5, 1.0))).verdict is Verdict.YES
    assert ask(project, VERIFY, Crop(whole, (0.5, 0.5, 0.51, 0.6))).verdict is Verdict.YES
    assert server.sizes[0] == (100, 150)
    assert min(server.sizes[1]) >= 56


def test_what_is_no_picture_and_a_sliver_reach_no_server(serve: Callable[..., Chat], project: Project) -> None:
    server = serve()
    for content in (b"", b"not a picture", photo()[:700]):
        assert isinstance(ask(project, of=Picture(lambda content=content: content)), ImageRejected)
    sliver = ask(project, of=picture(2000, 10, "PNG"))
    assert isinstance(sliver, BackendError)
    assert "2000 × 10" in str(sliver)
    assert server.asked(COMPLETIONS) == []


def test_odd_pictures_arrive_as_files_that_can_be_read(
    serve: Callable[..., Chat], project: Project, odd: ModuleType
) -> None:
    server = serve()
    plain = picture(120, 80).pixels()
    turned = odd.turned(plain, 6, "JPEG")
    assert ask(project, of=Picture(lambda: turned)).verdict is Verdict.YES
    cmyk = odd.encoded(plain.convert("CMYK"), "JPEG")
    assert ask(project, of=Picture(lambda: cmyk)).verdict is Verdict.YES
    bmp = odd.encoded(plain, "BMP")
    assert ask(project, of=Picture(lambda: bmp)).verdict is Verdict.YES
    assert len(server.sizes) == 3


def test_as_many_questions_are_out_as_the_project_says(
    serve: Callable[..., Chat], make_project: Callable[..., Project]
) -> None:
    server = serve(seconds=0.02)
    vlm = open_vlm("qwen", make_project(servers="{qwen: {max_in_flight: 5}}"))
    assert len(run(vlm, times=40)) == 40
    assert server.peak == 5
    assert server.connections <= 6
    assert vlm.usage.input_tokens == 40 * PROMPT_TOKENS
    assert vlm.window > 5


# log-probabilities


@pytest.mark.parametrize("logprobs", ["empty", "null"])
def test_a_server_without_alternatives_is_taken_at_its_words(
    serve: Callable[..., Chat], project: Project, logprobs: str
) -> None:
    serve(logprobs=logprobs)
    assert ask(project) == Answer(Verdict.YES, None, ScoreKind.NONE, "YES", None)


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": []},
        {"content": None},
        {"content": [{"token": "YES", "logprob": 0.0}]},
        {"content": [{"token": "YES", "logprob": 0.0, "top_logprobs": None}]},
        {"content": [{"token": "YES", "top_logprobs": ["YES", 4, {"token": "YES"}, {"token": "YES", "logprob": "1"}]}]},
        {"content": [{"token": "A", "top_logprobs": [{"token": "A", "logprob": -0.1}]}]},
        {"content": [{"token": "YES", "top_logprobs": [{"token": "YES", "logprob": float("nan")}]}]},
        {"content": "YES"},
        {"content": [7]},
        "none",
        [],
    ],
    ids=str,
)
def test_log_probabilities_that_are_none_leave_the_words(
    serve: Callable[..., Chat], project: Project, logprobs: object
) -> None:
    reply = completion("NO", None)
    reply["choices"][0]["logprobs"] = logprobs
    serve().always(COMPLETIONS, answers(said(reply)))
    assert ask(project) == Answer(Verdict.NO, None, ScoreKind.NONE, "NO", None)


def test_a_log_probability_beyond_all_numbers_leaves_the_words(serve: Callable[..., Chat], project: Project) -> None:
    reply = completion("NO", {"YES": 0.5})
    reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"] = -(10**400)
    serve().always(COMPLETIONS, answers(said(reply)))
    assert ask(project).verdict is Verdict.NO


def test_a_server_that_refuses_logprobs_is_asked_without_them_from_then_on(
    serve: Callable[..., Chat], project: Project
) -> None:
    server = serve(logprobs="refused")
    vlm = open_vlm("qwen", project)
    assert run(vlm) == [Answer(Verdict.YES, None, ScoreKind.NONE, "YES", None)]
    assert len(server.asked(COMPLETIONS)) == 2
    assert len(run(vlm, times=5)) == 5
    assert len(server.asked(COMPLETIONS)) == 7


def test_many_questions_that_are_out_when_logprobs_are_refused_are_all_asked_again(
    serve: Callable[..., Chat], project: Project
) -> None:
    server = serve(logprobs="refused", seconds=0.02)
    found = run(open_vlm("qwen", project), times=20)
    assert found == [Answer(Verdict.YES, None, ScoreKind.NONE, "YES", None)] * 20
    assert len(server.asked(COMPLETIONS)) <= 42  # and a probe


def test_a_400_about_something_else_is_asked_once(serve: Callable[..., Chat], project: Project) -> None:
    server = serve()
    server.always(COMPLETIONS, detail(400, "context length exceeded"))
    assert str(ask(project)) == f"qwen at {server.url} answered 400: context length exceeded."
    assert len(server.asked(COMPLETIONS)) == 1


def test_a_400_that_repeats_the_request_is_no_refusal_of_logprobs(serve: Callable[..., Chat], project: Project) -> None:
    server = serve()
    server.next(COMPLETIONS, echo(400))
    failure = ask(project)
    assert isinstance(failure, BackendError)
    assert_fit([failure])
    assert len(server.asked(COMPLETIONS)) == 1


# the model


def test_a_model_that_is_not_served_is_never_asked_for(
    serve: Callable[..., Chat], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    for told in ("other/on-disk", "no/such-model"):
        monkeypatch.setenv("QWEN_MODEL_PATH", told)
        with pytest.raises(BackendUnavailable) as caught:
            ask(project)
        assert f"serves '{MODEL}'; QWEN_MODEL_PATH names '{told}'" in str(caught.value)
        assert "dlf serve-vlm" in str(caught.value)
        assert_fit([caught.value])
    monkeypatch.delenv("QWEN_MODEL_PATH")
    with pytest.raises(BackendUnavailable, match=r"QWEN_MODEL_PATH is not set, and the default is 'mlx-community/Qwen"):
        ask(project)
    assert server.asked(COMPLETIONS) == []
    assert not server.unloaded


def test_a_server_with_no_model_loaded_says_so(serve: Callable[..., Chat], project: Project) -> None:
    server = serve(loaded={MODEL: False})
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert str(caught.value) == f"qwen at {server.url} has no model loaded; {SERVE}."
    assert server.asked(COMPLETIONS) == []


def test_of_many_models_five_are_named(serve: Callable[..., Chat], project: Project) -> None:
    serve(loaded={f"models/{number}": True for number in range(30)})
    with pytest.raises(BackendUnavailable, match=r"serves 'models/0', .*'models/4', …; QWEN") as caught:
        ask(project)
    assert_fit([caught.value])


def test_names_of_models_are_shown_in_one_line_and_not_without_end(
    serve: Callable[..., Chat], project: Project
) -> None:
    serve(loaded={"a\nTraceback (most recent call last):\n" + "b" * 5000: True})
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert_fit([caught.value])


@pytest.mark.parametrize(
    "fault",
    [
        detail(404, "Not Found"),
        status(405),
        answers(said({"models": []})),
        answers(said({"data": None})),
        answers(said({"object": "list", "data": [{"id": MODEL}]})),
        answers(said({"data": ["x", {"id": 4}, {"id": MODEL, "object": "model"}]})),
    ],
    ids=["404", "405", "another shape", "null", "OpenAI's own", "odd entries"],
)
def test_a_server_that_does_not_tell_its_models_or_not_what_is_loaded_is_asked(
    serve: Callable[..., Chat], project: Project, fault: Fault
) -> None:
    serve().always(MODELS, fault)
    assert ask(project).verdict is Verdict.YES


@pytest.mark.parametrize(
    "fault",
    [status(500, "Internal Server Error"), HTML, half, hang_up, redirect("http://169.254.169.254/"), answers(said([]))],
    ids=["500", "HTML", "half", "closed", "redirect", "a list"],
)
def test_a_server_whose_list_of_models_is_broken_is_asked_nothing_else(
    serve: Callable[..., Chat], project: Project, fault: Fault
) -> None:
    server = serve()
    server.always(MODELS, fault)
    with pytest.raises(BackendError) as caught:
        ask(project)
    assert_fit([caught.value])
    assert f"qwen at {server.url} " in str(caught.value)
    assert server.asked(COMPLETIONS) == []


def test_a_list_of_models_that_fails_is_no_missing_one_whatever_words_it_fails_with(
    serve: Callable[..., Chat], project: Project
) -> None:
    server = serve()
    server.always(MODELS, status(500, "the upstream answered 404"))
    with pytest.raises(BackendError, match="answered 500"):
        ask(project)
    assert server.asked(COMPLETIONS) == []


def test_nobody_there_is_said_quickly_with_the_way_to_start_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://localhost:{free_port()}"
    monkeypatch.setenv("QWEN_URL", url)
    began = time.monotonic()
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert time.monotonic() - began < 1
    assert str(caught.value) == f"qwen at {url} cannot be reached; {SERVE}."


# keys


def test_the_key_goes_with_every_request_and_into_no_text(
    serve: Callable[..., Chat], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_API_KEY", KEY)
    server = serve(key=KEY)
    vlm = open_vlm("qwen", project)
    server.answer = lambda prompt, seen: f"NO, a note that says {KEY}"
    assert [answer.verdict for answer in run(vlm, VERIFY)] == [Verdict.NO]
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert KEY not in f"{vlm} {vlm.__dict__}"


@pytest.mark.parametrize("key", [None, "the-wrong-one-815"])
def test_a_missing_or_wrong_key_is_said_once(
    serve: Callable[..., Chat], project: Project, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key:
        monkeypatch.setenv("QWEN_API_KEY", key)
    server = serve(key=KEY)
    with pytest.raises(BackendUnavailable) as caught:
        ask(project)
    assert str(caught.value) == f"qwen at {server.url} answered 401: Invalid API key; set QWEN_API_KEY."
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"error": f"your token {KEY} ran out"},
        {"choices": [], "debug": {"authorization": f"key={KEY}"}},
        {"choices": [{"message": {}}], "seen": KEY},
    ],
)
def test_a_key_in_an_answer_that_is_none_is_not_repeated(
    serve: Callable[..., Chat], project: Project, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]
) -> None:
    monkeypatch.setenv("QWEN_API_KEY", KEY)
    serve(key=KEY).always(COMPLETIONS, answers(said(content)))
    failure = ask(project)
    assert "answered without a message" in str(failure)
    assert_fit([failure])


# faults of a question


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (status(500, "Internal Server Error"), 2, "answered 500: Internal Server Error."),
        (echo(500), 2, "answered 500: Failed to load"),
        (echo_raw(500), 2, "answered 500: "),
        (status(503, "busy"), 20, "answered 503: busy."),
        (status(429), 20, "answered 429."),
        (half, 3, "broke off its answer"),
        (hang_up, 3, "broke off its answer"),
        (half_content, 1, "answered no JSON but application/json: {"),
        (HTML, 1, "answered no JSON but text/html: <!DOCTYPE html> <html>"),
        (answers(said({"choices": []})), 1, "answered without a message: {"),
        (answers(said({"choices": None})), 1, "answered without a message: {"),
        (answers(said({"error": {"message": "overloaded"}})), 1, "answered without a message: overloaded"),
        (answers(said({"choices": ["YES"]})), 1, "answered without a message: {"),
        (answers(said(["YES"])), 1, "answered JSON that is no object"),
        (redirect("http://169.254.169.254/latest/meta-data/"), 1, "answered 307, a redirect"),
        (detail(422, "[{'loc': ['body', 'messages']}]"), 1, "answered 422: "),
    ],
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_a_fault_is_a_sentence_for_this_picture_and_the_next_one_is_answered(
    serve: Callable[..., Chat], project: Project, fault: Fault, times: int, told: str
) -> None:
    server = serve()
    vlm = open_vlm("qwen", project)
    server.next(COMPLETIONS, *[fault] * times)

    async def inside() -> tuple[Any, Any]:
        async with vlm.connected():
            failure = (await asyncio.gather(vlm.ask(picture(), FILTER), return_exceptions=True))[0]
            return failure, await vlm.ask(picture(), FILTER)

    failure, answer = asyncio.run(inside())
    assert type(failure) is BackendError
    assert f"qwen at {server.url} {told}" in str(failure)
    assert_fit([failure])
    assert answer.verdict is Verdict.YES
    assert len(server.asked(COMPLETIONS)) == times + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"usage": None},
        {"usage": {}},
        {"usage": {"prompt_tokens": "many", "completion_tokens": -4}},
        {"usage": {"prompt_tokens": None}},
        {"usage": "none"},
        {"usage": [1]},
    ],
    ids=str,
)
def test_a_server_that_counts_no_tokens_is_asked_on(
    serve: Callable[..., Chat], project: Project, changed: dict[str, Any]
) -> None:
    serve().always(COMPLETIONS, says("YES", **changed))
    vlm = open_vlm("qwen", project)
    assert [answer.verdict for answer in run(vlm)] == [Verdict.YES]
    assert (vlm.usage.input_tokens, vlm.usage.output_tokens) == (0, 0)


def test_parts_that_are_no_text_are_a_sentence_or_left_out(serve: Callable[..., Chat], project: Project) -> None:
    serve().always(COMPLETIONS, says([{"type": "text", "text": 5}, {"type": "text", "text": "YES"}]))  # type: ignore[arg-type]
    found = ask(project)
    assert isinstance(found, BackendError) or found.verdict is Verdict.YES


@pytest.mark.parametrize(
    "text", ["NO " + "x" * 10_000, "NO\x00\x1b[31m\r\n", "NO data:image/png;base64," + "iVBORw0KGgo" * 50]
)
def test_what_a_model_says_is_kept_short_and_in_one_line(
    serve: Callable[..., Chat], project: Project, text: str
) -> None:
    serve().always(COMPLETIONS, says(text))
    answer = ask(project, VERIFY)
    assert answer.verdict is Verdict.NO
    assert_fit([answer.text, answer.reasoning or ""])


def test_half_a_surrogate_in_an_answer_can_be_written_to_a_table(serve: Callable[..., Chat], project: Project) -> None:
    serve().always(COMPLETIONS, says("NO, \ud83d"))
    answer = ask(project, VERIFY)
    assert_fit([answer.text, answer.reasoning or ""])


def test_an_answer_that_does_not_come_names_server_and_seconds(
    serve: Callable[..., Chat], make_project: Callable[..., Project]
) -> None:
    server = serve()
    server.always(COMPLETIONS, slow(30))
    paced = "{qwen: {request_seconds: 0.2, image_seconds: 0.2}}"
    failure = ask(make_project(servers=paced))
    assert str(failure).startswith(f"qwen at {server.url} gave no answer within ")


def test_a_server_that_dies_in_the_middle_ends_the_run(serve: Callable[..., Chat], project: Project) -> None:
    server = serve(seconds=0.01)
    server.next(COMPLETIONS, *[None] * 20, die)
    found = run(open_vlm("qwen", project), times=60)
    assert {type(one) for one in found} == {Answer, BackendUnavailable}
    failures = [one for one in found if isinstance(one, BackendUnavailable)]
    assert_fit(failures)
    assert all(SERVE in str(one) for one in failures)


def test_pictures_that_the_model_cannot_take_are_errors_one_by_one_and_the_run_goes_on(
    serve: Callable[..., Chat], project: Project
) -> None:
    """The fault is the picture's: the probe picture in between is answered."""
    server = serve()
    bad = echo(500)
    server.always(COMPLETIONS, lambda request, good: bad(request, good) if server.sizes[-1] == (96, 64) else good)
    vlm = open_vlm("qwen", project)

    async def inside() -> list[Any]:
        async with vlm.connected():
            found = []
            for number in range(20):
                of = picture(200, 100) if number == 19 else picture()
                found += await asyncio.gather(vlm.ask(of, FILTER), return_exceptions=True)
            return found

    found = asyncio.run(inside())
    assert [type(one) for one in found] == [BackendError] * 19 + [Answer]
    assert_fit(found[:-1])
    assert server.sizes.count((112, 112)) == 2  # after 8 and 16 failures


def test_a_server_that_answers_everything_with_a_page_is_probed_and_ends_the_run(
    serve: Callable[..., Chat], project: Project
) -> None:
    server = serve()
    found = run(open_vlm("qwen", project), times=30, before=lambda: server.always(COMPLETIONS, HTML))
    assert BackendUnavailable in {type(one) for one in found}


@pytest.mark.parametrize("times", [8, 40])
def test_a_server_that_fails_at_everything_is_probed_and_ends_the_run(
    serve: Callable[..., Chat], project: Project, times: int
) -> None:
    server = serve(seconds=0.02)
    broken = status(500, "CUDA out of memory")
    vlm = open_vlm("qwen", project)
    found = run(
        vlm,
        times=times,
        before=lambda: server.always(COMPLETIONS, lambda request, good: slow(0.02)(request, broken(request, good))),
    )
    assert {type(one) for one in found} <= {BackendError, BackendUnavailable}
    ended = [one for one in found if isinstance(one, BackendUnavailable)]
    assert ended
    assert "8 requests in a row failed" in str(ended[0])
    assert_fit(found)
