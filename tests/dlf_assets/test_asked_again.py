"""What a change of the project asks model servers anew, what it costs, and what several label backends come to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from factory import KEY, Factory
from model_servers import asking
from model_servers.chat import MODEL, Chat
from model_servers.falcon_perception import FalconPerception
from model_servers.loopback import status
from PIL import Image

QWEN = "{filter: qwen, label: qwen, verify: qwen}"
SECRET = asking.KEY


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    asking.prepare(monkeypatch)
    with Chat(key=SECRET) as server:
        server.answer = answer
        monkeypatch.setenv("QWEN_URL", server.url)
        monkeypatch.setenv("QWEN_MODEL_PATH", MODEL)
        monkeypatch.setenv("QWEN_API_KEY", SECRET)
        yield server


def answer(prompt: str, picture: Any) -> str:
    """A box in the left half for every query, YES to everything else."""
    if "bbox_2d" not in prompt:
        return "YES. A person who walks."
    width, height = picture.size
    return json.dumps([{"bbox_2d": [10, 10, width // 2, height // 2], "label": "it"}])


def asked(chat: Chat) -> list[str]:
    """Prompts since this was called last."""
    prompts = list(chat.prompts)
    chat.prompts.clear()
    return prompts


def test_a_new_verify_prompt_asks_verify_alone(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    factory.project(backends=QWEN)
    first = factory.run()
    assert len(asked(chat)) == 2 + 2 + 2
    assert first["verified_boxes"]["requests"] == 2 + 1
    factory.project(backends=QWEN, prompts='{verify: "Is it {query}? YES or NO, and why?"}')
    again = factory.run()
    assert asked(chat) == ["Is it person? YES or NO, and why?"] * 2
    assert [again[name]["computed"] for name in ("filtered_images", "labeled_boxes", "verified_boxes")] == [0, 0, 2]
    assert [again[name]["requests"] for name in ("filtered_images", "labeled_boxes")] == [0, 0]


def test_a_new_query_asks_only_that_query(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    factory.project(backends=QWEN)
    factory.run()
    asked(chat)
    factory.project(backends=QWEN, falcon_queries="[person, a red umbrella]", thresholds="{nms_iou: 1.0}")
    made = factory.run()
    prompts = asked(chat)
    assert sum("bbox_2d" in prompt for prompt in prompts) == 2
    assert all("a red umbrella" in prompt for prompt in prompts)
    assert (made["labeled_boxes"]["computed"], made["labeled_boxes"]["reused"]) == (2, 2)
    assert made["filtered_images"]["computed"] == 0


def test_a_new_model_asks_everything_of_its_stages_and_keeps_the_old_rows(
    factory: Factory, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.add("393226", "343706")
    factory.project(backends=QWEN)
    factory.run()
    asked(chat)
    chat.loaded = {"another/model": True}
    monkeypatch.setenv("QWEN_MODEL_PATH", "another/model")
    made = factory.run()
    assert len(asked(chat)) == 2 + 2 + 2
    assert made["filtered_images"]["reused"] == 0
    assert set(factory.table("filter")["model"].to_pylist()) == {"another/model"}
    for stage in ("filter", "label", "verify"):
        old = pq.read_table(factory.workspace.data("p") / "labels" / stage / f"{KEY}.superseded.parquet")
        assert (len(old), set(old["model"].to_pylist())) == (2, {MODEL})
    chat.loaded = {MODEL: True}
    monkeypatch.setenv("QWEN_MODEL_PATH", MODEL)
    back = factory.run()
    assert asked(chat) == []
    assert back["verified_boxes"]["computed"] == 0
    assert set(factory.table("filter")["model"].to_pylist()) == {MODEL}


def test_every_stage_says_what_it_asked_and_what_that_cost(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    prices = "{qwen: {currency: EUR, input_per_million: 10, output_per_million: 1000, per_request: 0.5}}"
    factory.project(backends=QWEN, prices=prices)
    made = factory.run()["filtered_images"]
    assert (made["requests"], made["retries"]) == (3, 0)
    assert (made["input_tokens"], made["output_tokens"]) == (2 * 400, 2 * 2)
    assert made["cost_EUR"] == pytest.approx(800 * 10 / 1e6 + 4 * 1000 / 1e6 + 3 * 0.5)
    assert made["backend_seconds"] > 0
    assert made["images_per_second"] > 0
    again = factory.run()["filtered_images"]
    assert (again["requests"], again["cost_EUR"]) == (0, 0)


def test_boxes_of_several_label_backends_are_fused_and_say_who_agreed(
    factory: Factory, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.add("393226")
    with FalconPerception() as falcon:
        monkeypatch.setenv("FALCON_URL", falcon.url)
        # One box where qwen's is, and one that only Falcon sees.
        with Image.open(next(factory.photos.iterdir())) as photo:
            width, height = photo.size
        alone = [width * 0.7, height * 0.7, width * 0.9, height * 0.9]
        falcon.boxes = {"person": [[12.0, 12.0, width / 2, height / 2], alone]}
        factory.project(backends="{filter: qwen, label: [falcon, qwen], verify: qwen}")
        made = factory.run()
    assert made["labeled_boxes"]["boxes"] == 2
    assert made["labeled_boxes"]["backend"] == "falcon+qwen"
    assert {row["backend"] for row in factory.table("label").to_pylist()} == {"falcon", "qwen"}
    assert sorted(factory.table("verify")["agreement"].to_pylist()) == [0.5, 1.0]
    assert sorted(factory.table("review")["agreement"].to_pylist()) == [0.5, 1.0]
    assert made["labeled_boxes"]["mean_agreement"] == 0.75
    # One of the two is taken out: nothing is asked, and what it said is set aside.
    asked(chat)
    factory.project(backends=QWEN)
    again = factory.run()
    assert again["labeled_boxes"]["computed"] == 0
    assert not [prompt for prompt in asked(chat) if "bbox_2d" in prompt]
    assert factory.table("verify")["agreement"].to_pylist() == [1.0]


def test_a_new_threshold_is_applied_to_the_scores_and_asks_nothing(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    factory.project(backends=QWEN)
    factory.run("gather")
    factory.run("filter")
    assert factory.table("filter")["verdict"].to_pylist() == ["YES", "YES"]
    asked(chat)
    factory.project(backends=QWEN, thresholds="{filter_score: 0.95}")  # the server says 0.9
    strict = factory.run("filter")["filtered_images"]
    assert (strict["requests"], strict["computed"], strict["out"]) == (0, 0, 0)
    assert factory.table("filter")["verdict"].to_pylist() == ["NO", "NO"]
    factory.project(backends=QWEN)
    assert factory.run("filter")["filtered_images"]["out"] == 2
    assert asked(chat) == []


def test_what_was_answered_before_the_server_went_is_kept_also_within_an_image(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    queries = [f"thing {number}" for number in range(6)]
    listed = f"[{', '.join(queries)}]"
    factory.project(backends=QWEN, falcon_queries=listed, servers="{qwen: {max_in_flight: 4}}")
    chat.answer = boxes_apart
    factory.run("gather")
    factory.run("filter")
    factory.run("label")
    asked(chat)
    # After five answers about boxes the account is empty.
    chat.next("/v1/chat/completions", *[None] * 5)
    chat.always("/v1/chat/completions", status(402, "no credit"))
    factory.run("verify")
    assert not factory.result.success
    asked(chat)
    chat.always("/v1/chat/completions", None)
    made = factory.run("verify")["verified_boxes"]
    assert (made["reused"], made["computed"]) == (5, 7)
    assert len(asked(chat)) == 7


def boxes_apart(prompt: str, picture: Any) -> str:
    """A box of its own for each of the queries."""
    found = re.search(r"every thing (\d+)", prompt)
    if found is None:
        return "YES"
    left = 10 + int(found.group(1)) * 40
    return json.dumps([{"bbox_2d": [left, 20, left + 30, 200], "label": "it"}])


def test_pod_means_the_backend_of_this_machine_and_says_so(factory: Factory, chat: Chat) -> None:
    factory.add("393226")
    factory.project(backends="{filter: qwen, label: qwen, verify: pod}")
    made = factory.run()
    assert made["verified_boxes"]["backend"] == "qwen"
    logged = [record.user_message for record in factory.instance.all_logs(factory.result.run_id) if record.user_message]
    assert any("backend 'pod' needs a rented machine" in text for text in logged)


def test_no_row_log_or_event_holds_a_key_a_picture_or_a_traceback(factory: Factory, chat: Chat) -> None:
    factory.add("393226", "343706")
    chat.answer = lambda prompt, picture: (
        f'YES data:image/jpeg;base64,{"QUJD" * 100} Bearer {SECRET}\nTraceback (most recent call last):\n  File "x"'
    )
    factory.project(backends=QWEN, thresholds="{max_error_rate: 1.0}")
    factory.run()
    told: list[str] = [json.dumps(factory.table("filter").to_pylist()), json.dumps(factory.table("label").to_pylist())]
    told += [str(record) for record in factory.instance.all_logs(factory.result.run_id)]
    files: list[Path] = [file for file in (factory.workspace.root / "experiments").rglob("*.json*") if file.is_file()]
    told += [file.read_text() for file in files]
    assert len(told) > 10
    for text in told:
        assert SECRET not in text
        assert "QUJDQUJD" not in text
        assert "Traceback" not in text
