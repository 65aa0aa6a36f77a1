"""Requests to one model server: how many, how often again, how late, and what is said when nothing helps."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import email.utils
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_servers.asking import KEY, Plain, address, assert_fit, number, photo, prepare
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
    hang_up,
    redirect,
    slow,
    status,
)
from model_servers.mlx_server import free_port

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_resources.servers import client
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.client import Body, ServerClient

ASK = "/ask"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.fixture
def server() -> Iterator[Plain]:
    with Plain() as running:
        yield running


def asking(server: Plain | str, *, key: str | None = None, **changed: Any) -> ServerClient:
    pace = {"max_in_flight": 4, "request_seconds": 5.0, "image_seconds": 20.0} | changed
    return ServerClient(address(server, key=key), **pace)


async def ask(asked: ServerClient, content: object = "x") -> Any:
    """What comes back of a question, or why nothing does."""

    async def build() -> Body:
        return Body(str(content).encode(), "text/plain")

    try:
        return number(await asked.post(ASK, build, lambda reply: reply))
    except BackendError as error:
        return error


def run(asked: ServerClient, test: Callable[[], Awaitable[Any]], *, seconds: float = 8) -> Any:
    async def inside() -> Any:
        async with asked.connected():
            return await asyncio.wait_for(test(), seconds)

    return asyncio.run(inside())


def run_many(asked: ServerClient, count: int, *, seconds: float = 8) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(ask(asked, number) for number in range(count)))

    found: list[Any] = run(asked, all_of_them, seconds=seconds)
    return found


def run_one(asked: ServerClient) -> Any:
    return run_many(asked, 1)[0]


@pytest.mark.parametrize("most", [1, 4, 16])
def test_as_many_are_out_as_allowed_over_connections_that_are_kept(server: Plain, most: int) -> None:
    server.seconds = 0.01
    asked = asking(server, max_in_flight=most)
    assert run_many(asked, 40) == [str(number) for number in range(40)]
    assert server.peak == most
    assert server.connections <= most
    usage = asked.usage
    assert (usage.requests, usage.retries, usage.throttled) == (40, 0, 0)
    assert usage.bytes_sent == sum(len(request.body) for request in server.requests) == 70
    assert 0.4 <= usage.backend_seconds < 8


def test_bodies_are_made_when_their_turn_comes(server: Plain) -> None:
    server.seconds = 0.005
    asked = asking(server, max_in_flight=4)
    waiting = most = 0

    async def build() -> Body:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        return Body(b"x")

    async def one() -> None:
        nonlocal waiting
        await asked.post(ASK, build, lambda reply: reply)
        waiting -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(50)))

    run(asked, all_of_them)
    assert most == asked.window == 8


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (status(500, "Internal Server Error"), 2, "answered 500: Internal Server Error."),
        (status(500), 2, "answered 500."),
        (status(501, "no"), 2, "answered 501: no."),
        (status(400, "cannot read"), 1, "answered 400: cannot read."),
        (detail(422, "max_tokens: too many"), 1, "answered 422: max_tokens: too many."),
        (status(404, "Not Found"), 1, "answered 404: Not Found."),
        (status(413, "too large"), 1, "answered 413: too large."),
        (status(502, "Bad Gateway"), 5, "answered 502: Bad Gateway."),
        (status(504), 5, "answered 504."),
        (status(503, "busy"), 20, "answered 503: busy."),
        (status(429, "slow down"), 20, "answered 429: slow down."),
        (status(429, "slow down", Retry_After="0"), 20, "answered 429: slow down."),
        (half, 3, "broke off its answer (ClientPayloadError)."),
        (hang_up, 3, "broke off its answer (ServerDisconnectedError)."),
        (slow(30), 2, "gave no answer within"),
        (answers(Reply(status=204)), 1, "answered 204."),
    ],
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_a_failure_is_asked_again_only_as_often_as_that_can_help(
    server: Plain, fault: Fault, times: int, told: str
) -> None:
    asked = asking(server, request_seconds=0.1)
    server.always(ASK, fault)
    failure = run_one(asked)
    assert type(failure) is BackendError
    assert f"qwen at {server.url} {told}" in str(failure)
    assert_fit([failure])
    assert len(server.requests) == times
    assert (asked.usage.requests, asked.usage.retries) == (times, times - 1)
    assert asked.usage.throttled == (times if "answered 429" in told or "answered 503" in told else 0)


@pytest.mark.parametrize(
    "fault",
    [status(500), status(502), status(503), status(429, Retry_After="0"), half, hang_up, slow(30)],
    ids=["500", "502", "503", "429", "half", "closed", "slow"],
)
def test_one_failure_before_a_good_answer_costs_one_request_and_nothing_else(server: Plain, fault: Fault) -> None:
    asked = asking(server, request_seconds=0.2)
    server.next(ASK, fault)
    assert run_one(asked) == "0"
    assert (asked.usage.requests, asked.usage.retries, len(server.requests)) == (2, 1, 2)


def test_half_a_chunked_answer_is_no_answer(server: Plain) -> None:
    server.always(ASK, answers(Reply(b'{"said": "all of it"}', chunked=True, share=0.5)))
    failure = run_one(asking(server))
    assert "broke off its answer" in str(failure)
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", [echo(500), echo(400), echo_raw(500), echo_raw(403), echo_raw(429)])
def test_a_server_that_repeats_picture_and_key_is_not_repeated(server: Plain, fault: Fault) -> None:
    asked = asking(server, key=KEY)
    server.always(ASK, fault)
    url = "data:image/jpeg;base64," + base64.b64encode(photo()).decode()

    async def one() -> Any:
        return await ask(asked, url)

    failure = run(asked, one)
    assert isinstance(failure, BackendError)
    assert_fit([failure])
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)


def test_retry_after_in_seconds_stops_everything_for_that_long_and_halves_what_is_out(server: Plain) -> None:
    server.seconds = 0.01
    asked = asking(server, max_in_flight=8)
    server.next(ASK, *[answers(Reply(b"", 429, headers={"Retry-After": "0.2"}, seconds=0.05))] * 8)
    assert run_many(asked, 100) == [str(number) for number in range(100)]
    assert (asked.usage.throttled, asked.usage.retries, asked.usage.requests) == (8, 8, 108)
    # The eight came together and count as one complaint: four are out afterwards, and soon eight again.
    came = server.requests
    assert came[7].out == 8
    assert came[8].at - came[7].at >= 0.2
    assert max(request.out for request in came[8:16]) in (4, 5)
    assert max(request.out for request in came[16:]) == 8


def test_retry_after_as_a_date(server: Plain) -> None:
    asked = asking(server)
    until = math.ceil(time.time() + 0.3)
    date = email.utils.format_datetime(dt.datetime.fromtimestamp(until, dt.UTC), usegmt=True)
    server.next(ASK, status(429, Retry_After=date))
    assert run_one(asked) == "0"
    assert len(server.requests) == 2
    assert until - 0.05 < time.time() < until + 0.5


def test_a_pause_longer_than_the_deadline_of_a_question_is_not_waited_for(server: Plain) -> None:
    asked = asking(server, image_seconds=0.5)
    server.next(ASK, status(429, "come back tomorrow", Retry_After="86400"))
    began = time.monotonic()
    assert "answered 429: come back tomorrow; it asks for 86400 s without requests" in str(run_one(asked))
    assert time.monotonic() - began < 0.4
    assert len(server.requests) == 1


def test_a_pause_longer_than_the_deadline_of_a_question_does_not_hold_the_others_up_without_end(server: Plain) -> None:
    asked = asking(server, image_seconds=0.5)
    server.next(ASK, status(429, "come back tomorrow", Retry_After="86400"))

    async def one_after_the_other() -> list[Any]:
        return [await ask(asked, number) for number in range(2)]

    found = run(asked, one_after_the_other, seconds=1)
    assert isinstance(found[0], BackendError)


def test_a_server_that_bears_two_at_once_is_asked_until_all_is_answered(server: Plain) -> None:
    server.seconds = 0.004
    limit = status(429, "too many")
    server.always(ASK, lambda request, good: limit(request, good) if server.in_flight > 2 else good)
    asked = asking(server, max_in_flight=6)
    found = run_many(asked, 60)
    good = [one for one in found if isinstance(one, str)]
    assert len(good) >= 55  # in bursts one or the other is refused five times
    assert asked.usage.throttled > 0
    assert_fit(one for one in found if not isinstance(one, str))


def test_the_deadline_of_a_question_counts_all_its_tries(server: Plain) -> None:
    server.always(ASK, slow(30))
    began = time.monotonic()
    failure = run_one(asking(server, request_seconds=0.2, image_seconds=0.2))
    assert time.monotonic() - began < 0.6
    assert len(server.requests) == 1
    assert isinstance(failure, BackendError)


def test_the_sentence_about_a_slow_answer_names_server_and_seconds_and_ends_with_the_hint(server: Plain) -> None:
    server.always(ASK, slow(30))
    failure = run_one(asking(server, request_seconds=1.0, image_seconds=1.0, slow_hint=" (ask another)"))
    assert str(failure) == f"qwen at {server.url} gave no answer within 1 s (ask another)."


def test_the_sentence_about_a_slow_answer_does_not_say_zero_seconds(server: Plain) -> None:
    server.always(ASK, slow(30))
    failure = run_one(asking(server, request_seconds=0.15, image_seconds=0.2))
    assert "gave no answer within" in str(failure)
    assert "within 0 s" not in str(failure)


def test_a_question_whose_deadline_passed_while_it_waited_is_not_sent_again(server: Plain) -> None:
    asked = asking(server, image_seconds=0.2)
    bad = Reply(b"no", 500, "text/plain", seconds=0.05)
    server.next(ASK, answers(bad), status(429, Retry_After="0.3"))
    found = run_many(asked, 2)
    assert "answered 500: no." in str(found[0])
    assert len(server.requests) == 2


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(server: Plain, number: int) -> None:
    with Plain() as elsewhere:
        server.next(ASK, redirect(f"{elsewhere.url}/latest/meta-data/", number))
        failure = run_one(asking(server, key=KEY))
        assert elsewhere.requests == []
        assert elsewhere.connections == 0
    told = "a redirect, and redirects are not followed; set QWEN_URL to the final address."
    assert str(failure) == f"qwen at {server.url} answered {number}, {told}"
    assert len(server.requests) == 1


def test_a_redirect_to_the_metadata_of_a_cloud_machine_is_named_no_further(server: Plain) -> None:
    server.always(ASK, redirect("http://169.254.169.254/latest/meta-data/iam/"))
    began = time.monotonic()
    failure = run_one(asking(server))
    assert time.monotonic() - began < 1
    assert "169.254" not in str(failure)
    assert len(server.requests) == 1


@pytest.mark.parametrize("number", [401, 403])
def test_a_wrong_key_ends_the_run_with_the_variable_to_set(server: Plain, number: int) -> None:
    server.always(ASK, detail(number, f"Invalid API key '{KEY}'"))
    failure = run_one(asking(server, key=KEY))
    assert isinstance(failure, BackendUnavailable)
    assert str(failure) == f"qwen at {server.url} answered {number}: Invalid API key '[key]'; set QWEN_API_KEY."
    assert len(server.requests) == 1


def test_no_key_is_sent_where_there_is_none(server: Plain) -> None:
    run_one(asking(server))
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r"])
def test_a_key_with_the_end_of_its_line_works_or_is_a_sentence(server: Plain, key: str) -> None:
    found = run_one(asking(server, key=key))
    assert found == "0" or isinstance(found, BackendError)
    assert_fit([found])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_reply_larger_than_the_cap_is_not_read_to_its_end(
    server: Plain, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 1 << 20)
    server.always(ASK, answers(Reply(b" " * (8 << 20), chunked=chunked)))
    failure = run_one(asking(server))
    assert str(failure) == f"qwen at {server.url} answered more than 1 MB; that is no model's answer."
    assert len(server.requests) == 1


def test_an_error_larger_than_the_cap_is_not_read_to_its_end_either(
    server: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 1 << 20)
    server.always(ASK, answers(Reply(b"no " * (1 << 20), 500, "text/plain")))
    assert_fit([run_one(asking(server))])


def test_a_reply_of_megabytes_below_the_cap_is_read_whole(server: Plain) -> None:
    server.next(ASK, answers(Reply(b'{"said": "' + b"x" * (3 << 20) + b'"}', chunked=True)))
    assert len(run_one(asking(server))) == 3 << 20


def test_nobody_there_is_said_quickly_with_the_way_to_start_a_server() -> None:
    asked = asking(f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    failure = run_one(asked)
    assert time.monotonic() - began < 1
    assert type(failure) is BackendUnavailable
    assert str(failure) == f"{asked.name} cannot be reached; start one with `its command`."
    assert (asked.usage.requests, asked.usage.retries) == (4, 3)


def test_a_name_that_is_no_machine_is_nobody_there_too() -> None:
    failure = run_one(asking("http://nobody.invalid:8291"))
    assert type(failure) is BackendUnavailable
    assert "cannot be reached" in str(failure)


def test_a_server_that_comes_back_within_the_tries_is_asked_on() -> None:
    port = free_port()
    asked = asking(f"http://127.0.0.1:{port}")

    async def late() -> Any:
        question = asyncio.ensure_future(ask(asked))
        while asked.usage.retries < 1:
            await asyncio.sleep(0)
        with Plain(port) as back:
            found = await question
            assert len(back.requests) == 1
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_BACKOFF", lambda state: 0.2)
        assert run(asked, late) == "x"


def test_a_server_that_dies_in_the_middle_ends_the_run(server: Plain) -> None:
    server.seconds = 0.01
    server.next(ASK, *[None] * 10, die)
    found = run_many(asking(server, max_in_flight=4), 40)
    good = [one for one in found if isinstance(one, str)]
    failures = [one for one in found if not isinstance(one, str)]
    assert 7 <= len(good) <= 10
    assert {type(one) for one in failures} == {BackendUnavailable}
    assert_fit(failures)


class Probe:
    """Whether the server is alive, as a test says."""

    def __init__(self, answer: BackendError | None = None):
        self.answer = answer
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        if self.answer is not None:
            raise self.answer


async def in_turn(asked: ServerClient, count: int) -> list[Any]:
    return [await ask(asked, number) for number in range(count)]


def test_many_failures_in_a_row_and_a_probe_that_fails_too_end_the_run(server: Plain) -> None:
    server.always(ASK, status(500, "out of memory"))
    probe = Probe(BackendError("no"))
    asked = asking(server, alive=probe, suspicious=5)
    found = run(asked, lambda: in_turn(asked, 5))
    assert [type(one) for one in found] == [BackendError] * 4 + [BackendUnavailable]
    assert probe.times == 1
    assert "out of memory; 5 requests in a row failed" in str(found[-1])
    assert "start one with `its command`." in str(found[-1])
    assert_fit(found)


def test_pictures_that_cannot_be_read_are_failures_of_their_own_while_the_probe_is_answered(server: Plain) -> None:
    server.always(ASK, status(500, "cannot identify image file"))
    probe = Probe()
    asked = asking(server, alive=probe, suspicious=5)
    found = run(asked, lambda: in_turn(asked, 23))
    assert {type(one) for one in found} == {BackendError}
    assert probe.times == 4
    assert len(server.requests) == 46


def test_a_good_answer_between_the_failures_makes_nobody_suspicious(server: Plain) -> None:
    bad = status(500)
    server.next(ASK, *[bad, bad, bad, bad, None] * 6)
    probe = Probe(BackendError("no"))
    asked = asking(server, alive=probe, suspicious=3)
    found = run(asked, lambda: in_turn(asked, 18))
    assert probe.times == 0
    assert [type(one) for one in found] == [BackendError, BackendError, str] * 6


def test_a_refusal_of_everything_is_a_wrong_path_or_an_empty_account_and_ends_the_run(server: Plain) -> None:
    server.always(ASK, status(404, "no such path"))
    probe = Probe(BackendError("no"))
    asked = asking(server, alive=probe, suspicious=3)
    found = run(asked, lambda: in_turn(asked, 3))
    assert [type(one) for one in found] == [BackendError, BackendError, BackendUnavailable]
    assert probe.times == 1
    assert len(server.requests) == 3


def test_too_many_requests_say_nothing_against_the_server(server: Plain) -> None:
    server.always(ASK, status(429, "slow down"))
    probe = Probe(BackendError("no"))
    asked = asking(server, alive=probe, suspicious=3)
    found = run(asked, lambda: in_turn(asked, 4))
    assert {type(one) for one in found} == {BackendError}
    assert probe.times == 0


def test_failures_that_come_together_are_probed_once(server: Plain) -> None:
    server.seconds = 0.02
    server.always(ASK, lambda request, good: Reply(b"no", 500, "text/plain", seconds=0.02))
    probe = Probe(BackendError("no"))
    asked = asking(server, max_in_flight=16, alive=probe, suspicious=8)
    found = run_many(asked, 12)
    assert probe.times == 1
    assert [type(one) for one in found].count(BackendUnavailable) == 1


def test_failures_that_come_in_while_the_probe_is_out_do_not_block_it(server: Plain) -> None:
    """The probe goes through the very same client, as the backends' probes do."""
    server.always(ASK, lambda request, good: Reply(b"no", 500, "text/plain", seconds=0.01))
    server.always("/probe", lambda request, good: Reply(b"no", 500, "text/plain", seconds=0.1))

    async def probe() -> None:
        await asked.send("POST", "/probe", Body(b""), tries=1)

    asked = asking(server, max_in_flight=16, alive=probe, suspicious=4)
    found = run_many(asked, 16, seconds=1)
    assert BackendUnavailable in {type(one) for one in found}
    assert_fit(found)


def test_a_cancelled_question_leaves_its_place_to_others(server: Plain) -> None:
    server.next(ASK, *[slow(30)] * 4)
    asked = asking(server, max_in_flight=4)

    async def some_are_cancelled() -> list[Any]:
        tasks = [asyncio.ensure_future(ask(asked, number)) for number in range(12)]
        while len(server.requests) < 4:
            await asyncio.sleep(0.005)
        for task in tasks[:6]:
            task.cancel()
        return await asyncio.gather(*tasks[6:])

    assert run(asked, some_are_cancelled) == [str(number) for number in range(6, 12)]


def test_a_client_can_be_connected_again_in_another_loop(server: Plain) -> None:
    asked = asking(server)
    for _ in range(3):
        assert run_many(asked, 10) == [str(number) for number in range(10)]
    assert asked.usage.requests == 30


def test_without_a_connection_nothing_is_asked(server: Plain) -> None:
    failure = asyncio.run(ask(asking(server)))
    assert "outside of its connection" in str(failure)
    assert server.requests == []


def test_a_proxy_of_the_environment_is_not_for_this_machine(server: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert run_one(asking(server)) == "0"


@pytest.mark.parametrize("key", [None, KEY])
def test_passwords_that_lie_in_a_netrc_file_go_to_no_model_server(
    server: Plain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str | None
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login me password mine\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setattr(Address, "local", property(lambda self: False))
    found = run_one(asking(server, key=key))
    assert found == "0"
    assert server.requests[0].headers.get("authorization") == (key and f"Bearer {key}")


@pytest.mark.parametrize("fault", [HTML, answers(Reply(b"", 200))])
def test_what_is_no_json_is_for_the_reader_to_judge_and_not_asked_again(server: Plain, fault: Fault) -> None:
    server.always(ASK, fault)
    asked = asking(server)

    async def raw() -> bytes:
        return (await asked.send("POST", ASK, Body(b"x"))).content

    assert run(asked, raw) == fault(server.requests[0], Reply()).content
    assert len(server.requests) == 1
