"""Two machines review one project in a bucket: each shows the images, and what the other says."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from object_store.machines import Bucket, Machine
from object_store.seaweed import ObjectStore
from PIL import Image
from review_operations import posted, say
from workspaces import ROOT

from harness.review_server import Server, running

pytest_plugins = ["object_store.fixtures"]
pytestmark = [pytest.mark.processes, pytest.mark.waits]

SAMPLE = ROOT / "project_configs" / "sample.yaml"
PROJECT = {"project": "sample"}
WITHIN_SECONDS = 60  # 3 on a quiet machine
"""Both look every two seconds; the rest is for a busy machine."""


@pytest.fixture
def bucket(object_server: ObjectStore) -> Bucket:
    return Bucket(object_server, object_server.bucket())


def images(client: httpx.Client) -> list[dict[str, Any]]:
    """Images of the first bucket that can be reviewed, with its name."""
    buckets = client.get("/api/project", params=PROJECT).raise_for_status().json()["buckets"]
    name = next(one["bucket"] for one in buckets if one["ready"] and one["boxes"])
    items = client.get("/api/queue", params=PROJECT | {"bucket": name}).raise_for_status().json()["items"]
    return [item | {"bucket": name} for item in items if item["boxes"]]


def boxes(client: httpx.Client, image: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = client.get(f"/api/images/{image['image_id']}", params=PROJECT | {"bucket": image["bucket"]})
    return {box["box_id"]: box for box in answer.raise_for_status().json()["boxes"]}


def verdict(image: dict[str, Any], box: dict[str, Any], value: str, reviewer: str) -> dict[str, Any]:
    subject = {"bucket": image["bucket"], "image_id": image["image_id"], "box_id": box["box_id"]}
    return posted("verdict", value, box["version"], **subject, reviewer=reviewer)


def within(condition: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < WITHIN_SECONDS
        time.sleep(0.1)
    return time.monotonic() - begun


def test_two_machines_show_the_images_of_a_bucket_and_what_the_other_says(tmp_path: Path, bucket: Bucket) -> None:
    first, second = (bucket.machine(tmp_path / name) for name in ("first", "second"))
    made = first.dlf("pipeline", "--project", str(SAMPLE), timeout=400)
    assert made.returncode == 0, made.stderr[-3000:]
    assert not (first.data("sample") / "raw").exists()

    with contextlib.ExitStack() as stack:

        def start(machine: Machine) -> tuple[Server, httpx.Client]:
            server = stack.enter_context(running(SAMPLE, env=machine.env))
            return server, stack.enter_context(server.client())

        (server, here), (_, there) = start(first), start(second)
        image = images(here)[0]
        assert images(there)[0]["image_id"] == image["image_id"]
        for client in (here, there):
            small = client.get(f"/api/thumbs/{image['image_id']}.webp", params=PROJECT).raise_for_status()
            large = client.get(f"/api/images/{image['image_id']}/file", params=PROJECT).raise_for_status()
            assert max(Image.open(io.BytesIO(small.content)).size) <= 256
            assert Image.open(io.BytesIO(large.content)).size == (image["width"], image["height"])

        box_id, box = next(iter(boxes(here, image).items()))
        say(here, "sample", verdict(image, box, "approved", "Ada"))
        assert boxes(here, image)[box_id]["decision"] == "approved"
        print(f"{within(lambda: boxes(there, image)[box_id]['decision'] == 'approved'):.1f} s to the other machine")
        assert boxes(there, image)[box_id]["reviewer"] == "Ada"

        say(there, "sample", verdict(image, box, "rejected", "Grace"), status=409)  # she had not seen what Ada said
        say(there, "sample", verdict(image, boxes(there, image)[box_id], "rejected", "Grace"))
        print(f"{within(lambda: boxes(here, image)[box_id]['decision'] == 'rejected'):.1f} s back")

        # What was said lies in the bucket, too: a machine that comes later has it from there.
        server.kill()
        _, later = start(bucket.machine(tmp_path / "third"))
        within(lambda: boxes(later, image)[box_id]["version"] == 2)  # each machine's words come in a batch of its own
        assert (boxes(later, image)[box_id]["decision"], boxes(later, image)[box_id]["reviewer"]) == (
            "rejected",
            "Grace",
        )
