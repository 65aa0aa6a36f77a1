"""The real review server: two who write at once, and a server that is killed."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from finished_projects import image_id
from review_operations import posted
from review_project import BUCKETS, box_id, make_project

from dlf_core.project import Project
from dlf_resources.projects import store_of
from dlf_resources.reviews.said import log_of
from harness.review_server import running

pytestmark = pytest.mark.processes
IMAGES, WRITES, KILLS = 50, 1000, 20


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE"):
        monkeypatch.delenv(name, raising=False)
    return make_project(tmp_path, images=IMAGES)


def operation(image: int, base: int, value: str, reviewer: str) -> dict[str, Any]:
    subject = {"bucket": BUCKETS[0], "image_id": image_id(image), "box_id": box_id(image, 0)}
    return posted("verdict", value, base, **subject, reviewer=reviewer)


def test_two_who_write_a_thousand_verdicts_each_lose_none(project: Project) -> None:
    refused: list[int] = []

    def write(name: str, value: str) -> None:
        with server.client() as client:
            known = dict.fromkeys(range(IMAGES), 0)
            for number in range(WRITES):
                image = number % IMAGES
                while True:
                    answer = client.post("/api/events?project=cars", json=[operation(image, known[image], value, name)])
                    (result,) = answer.json()["results"]
                    known[image] = result["version"]
                    assert answer.status_code == result["status"]
                    if result["status"] == 200:
                        break
                    refused.append(image)

    with running(project.file) as server:
        writers = [threading.Thread(target=write, args=one) for one in (("Ada", "approved"), ("Grace", "rejected"))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    events = [event.op for _, event in log_of(store_of(project)).events()]
    assert len(events) == 2 * WRITES
    assert {name: sum(op.reviewer == name for op in events) for name in ("Ada", "Grace")} == {
        "Ada": WRITES,
        "Grace": WRITES,
    }
    for image in range(IMAGES):
        box = box_id(image, 0)
        assert [op.base_version for op in events if op.subject_id == box] == list(range(2 * WRITES // IMAGES))
    assert refused, "they never met: the test shows nothing"


def test_a_server_killed_twenty_times_loses_nothing_that_it_said_was_saved(project: Project) -> None:
    seed = int(os.environ.get("DLF_TEST_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}")
    draw = random.Random(seed)
    saved: dict[str, int] = {}
    waiting: dict[str, Any] | None = None
    known = dict.fromkeys(range(IMAGES), 0)
    cookie: dict[str, str] | None = None
    port = 0
    for _ in range(KILLS):
        with running(project.file, cookie=cookie, port=port) as server:
            cookie, port = server.cookie, httpx.URL(server.url).port or 0
            threading.Timer(draw.uniform(0.02, 0.4), server.kill).start()
            with server.client() as client:
                for turn in range(100_000):
                    image = turn % IMAGES
                    # What was not answered is sent again, as the page does: it may be there already.
                    waiting = waiting or operation(image, known[image], "approved", "Ada")
                    try:
                        answer = client.post("/api/events?project=cars", json=[waiting])
                    except httpx.TransportError:
                        break
                    (result,) = answer.json()["results"]
                    assert result["status"] == 200, result
                    known[int(waiting["image_id"], 16)] = result["version"]
                    saved[waiting["op_id"]] = result["version"]
                    waiting = None
    there = [str(event.op.op_id) for _, event in log_of(store_of(project)).events()]
    assert len(there) == len(set(there)), "one is there twice"
    assert set(saved) <= set(there)
    assert len(there) - len(saved) <= 1
    print(f"{len(saved)} saved over {KILLS} kills")
    assert len(saved) > 5 * KILLS
