"""Several servers of one kind: who is asked, who is passed over, and what becomes of questions to one that goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from model_servers.asking import assert_fit, picture, prepare
from model_servers.chat import COMPLETIONS, MODEL, MODELS, Chat
from model_servers.loopback import die, slow, status
from model_servers.mac_tensor import FALCON, MacTensor
from model_servers.mlx_server import free_port

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_core.project import Project
from dlf_resources.grounding import open_grounding
from dlf_resources.servers import several
from dlf_resources.servers.health import look
from dlf_resources.vlm import Answer, Question, VlmBackend, open_vlm

QUESTION = Question("filter", "person", "Does it show a person? Answer YES or NO.")
COUNT = 60


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)
    monkeypatch.setenv("QWEN_MODEL_PATH", MODEL)


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Chat]]:
    """Three servers where QWEN_URL says."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Chat()) for _ in range(3)]
        monkeypatch.setenv("QWEN_URL", ",".join(f"{server.url}/v1" for server in servers))
        yield servers


def answers(vlm: VlmBackend, times: int = COUNT, *, at_once: int = 16) -> list[Answer | BackendError]:
    """Answers, or why there is none."""

    async def inside() -> list[Any]:
        turns = asyncio.Semaphore(at_once)

        async def one() -> Answer | BackendError:
            async with turns:
                try:
                    return await vlm.ask(picture(), QUESTION)
                except BackendError as error:
                    return error

        async with vlm.connected():
            return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(times))), 20)

    return asyncio.run(inside())


def asked(servers: list[Chat]) -> list[int]:
    return [len(server.asked(COMPLETIONS)) for server in servers]


def test_questions_go_to_all_and_all_are_counted(chats: list[Chat], project: Project) -> None:
    for chat in chats:
        chat.seconds = 0.02
    vlm = open_vlm("qwen", project)
    assert all(isinstance(answer, Answer) for answer in answers(vlm))
    assert sum(asked(chats)) == COUNT
    assert min(asked(chats)) >= COUNT / 6
    assert vlm.usage.requests == COUNT + len(chats)  # and one for the models of each
    assert vlm.window == 3 * open_one(project).window


def open_one(project: Project) -> VlmBackend:
    from dlf_resources.servers.addresses import qwen_addresses
    from dlf_resources.vlm.openai import OpenAiVlm

    return OpenAiVlm(project, qwen_addresses()[0])


def test_a_slow_one_is_asked_less(chats: list[Chat], project: Project) -> None:
    for chat, seconds in zip(chats, (0.005, 0.005, 0.2), strict=True):
        chat.always(COMPLETIONS, slow(seconds))
    assert all(isinstance(answer, Answer) for answer in answers(open_vlm("qwen", project)))
    quick, also_quick, late = asked(chats)
    assert late * 2 < min(quick, also_quick)


def test_one_that_dies_loses_no_question(chats: list[Chat], project: Project) -> None:
    chats[1].next(COMPLETIONS, None, None, die)
    told: list[str] = []
    found = answers(open_vlm("qwen", project, told.append))
    assert all(isinstance(answer, Answer) for answer in found)
    assert len(told) == 1
    assert f"qwen at {chats[1].url} cannot be reached" in told[0]
    assert told[0].endswith("; its questions go to the other servers")
    assert_fit(told)
    assert asked(chats)[0] + asked(chats)[2] >= COUNT - 3


def test_one_that_was_gone_is_asked_again_when_it_is_back(
    chats: list[Chat], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several, "FIRST_PAUSE", 0.05)
    port = free_port()
    monkeypatch.setenv("QWEN_URL", f"{chats[0].url},http://127.0.0.1:{port}")
    told: list[str] = []
    vlm = open_vlm("qwen", project, told.append)

    async def inside() -> None:
        async with vlm.connected():
            await asyncio.gather(*(vlm.ask(picture(), QUESTION) for _ in range(10)))
            server = Chat()
            server.port = port
            with server:
                await asyncio.sleep(0.1)
                for _ in range(8):
                    await asyncio.gather(*(vlm.ask(picture(), QUESTION) for _ in range(8)))
                    if server.asked(COMPLETIONS):
                        break
                    await asyncio.sleep(0.1)
                assert len(server.asked(MODELS)) >= 1  # whoever is there now may have another model
                assert server.asked(COMPLETIONS)

    asyncio.run(inside())
    assert told[-1] == f"http://127.0.0.1:{port} answers again"


def test_one_with_another_model_is_never_asked_a_question(chats: list[Chat], project: Project) -> None:
    chats[2].loaded = {"other/model": True}
    told: list[str] = []
    assert all(isinstance(answer, Answer) for answer in answers(open_vlm("qwen", project, told.append)))
    assert asked(chats)[2] == 0
    assert not chats[2].unloaded
    assert [f"{chats[2].url} serves 'other/model'" in one for one in told] == [True]


def test_errors_of_a_question_are_answers_and_go_nowhere_else(chats: list[Chat], project: Project) -> None:
    for chat in chats:
        chat.always(COMPLETIONS, status(400, "no such picture"))
    found = answers(open_vlm("qwen", project), times=6)
    assert all("answered 400: no such picture" in str(answer) for answer in found)
    assert sum(asked(chats)) == 6


def test_none_there_is_one_sentence_that_names_all(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [free_port(), free_port()]
    monkeypatch.setenv("QWEN_URL", ",".join(f"http://127.0.0.1:{port}" for port in ports))
    with pytest.raises(BackendUnavailable) as told:
        answers(open_vlm("qwen", project))
    assert str(told.value).startswith("none of 2 servers can be asked.")
    assert all(f"127.0.0.1:{port} cannot be reached" in str(told.value) for port in ports)


def test_all_that_die_while_they_are_asked_end_the_run(chats: list[Chat], project: Project) -> None:
    for chat in chats:
        chat.always(COMPLETIONS, die)
    found = answers(open_vlm("qwen", project), times=5)
    assert all(isinstance(answer, BackendUnavailable) for answer in found)


def test_boxes_are_drawn_by_whoever_is_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with MacTensor() as one, MacTensor() as other:
        monkeypatch.setenv("FALCON_URL", f"{one.url},{other.url}")
        one.always(FALCON, die)
        told: list[str] = []
        backend = open_grounding("falcon", project, told.append)

        async def inside() -> list[Any]:
            async with backend.connected():
                return await asyncio.gather(*(backend.ground(picture(), ["car", "bus"]) for _ in range(12)))

        found = asyncio.run(asyncio.wait_for(inside(), 20))
    assert all(set(boxes) == {"car", "bus"} for boxes in found)
    assert all(isinstance(boxes, list) for answer in found for boxes in answer.values())
    assert len(told) == 1


def test_status_tells_how_each_of_them_is(chats: list[Chat], monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("QWEN_URL", f"http://127.0.0.1:{port},{chats[0].url},{chats[1].url}")
    health = look("qwen")
    assert health.ok
    assert health.said.startswith("2 of 3 servers answer: ")
    assert f"127.0.0.1:{port} cannot be reached" in health.said
    assert health.model == MODEL
    monkeypatch.setenv("QWEN_URL", f"http://127.0.0.1:{port},http://127.0.0.1:{free_port()}")
    assert not look("qwen").ok
