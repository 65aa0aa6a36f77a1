"""`kill -9` of `dlf gather` at random moments: the same images in the end, and hardly a byte downloaded twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from model_servers.loopback import status
from web_project import WebOfThree, leading_to, photo, write_web_project
from web_servers.loopback import place
from workspaces import TestWorkspace, make_workspace

pytestmark = pytest.mark.processes

IMAGES = 300
KILLS = 20
WORKERS = 6
PHOTO_SECONDS = 0.5
# Between the last byte of a photo and the moment from which it is never asked for again.
GRACE_SECONDS = 0.5
SETTINGS = "{contact: me@example.org, per_second: null, per_host: 6, max_per_query: 100}"


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        web.openverse.rows = web.openverse_rows(*range(100))
        web.wikimedia.rows = web.wikimedia_rows(*range(100, 200))
        web.duckduckgo.rows = web.duckduckgo_rows(*range(200, 300))
        for number in (3, 150, 250):
            web.photos.always(f"/{number}.jpg", status(404))
        for number in (7, 170, 270):
            web.photos.serve(f"/{number}.jpg", b"<html>no picture</html>")
        web.photos.serve("/299.jpg", photo(1))  # the bytes of another one
        yield web


def gathered(workspace: TestWorkspace) -> list[dict[str, Any]]:
    table = pq.read_table(workspace.data("p") / "labels" / "gather" / "p__positive.x.parquet")
    names = ["order", "url", "source", "query", "state", "image_id", "path", "license", "duplicate_of", "http_status"]
    return sorted(table.select(names).to_pylist(), key=lambda row: row["order"])


def killed(workspace: TestWorkspace, web: WebOfThree, log: Path, *, seconds: float, from_first_photo: bool) -> bool:
    """Start a gather and kill it after so long; whether it still ran."""
    before = len(web.photos.requests)
    command = [sys.executable, "-m", "dlf_assets.cli.main", "gather", "--project", "p", "--workers", str(WORKERS)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=workspace.root, env=workspace.env, stdout=output, stderr=output)
    patience = time.monotonic() + 30
    while (
        from_first_photo
        and len(web.photos.requests) == before
        and process.poll() is None
        and time.monotonic() < patience
    ):
        time.sleep(0.01)
    time.sleep(seconds)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def test_a_gather_killed_twenty_times_ends_with_the_same_images_and_downloads_hardly_any_twice(
    tmp_path: Path, web: WebOfThree
) -> None:
    alone = leading_to(make_workspace(tmp_path / "alone"), web)
    write_web_project(alone, web=SETTINGS)
    done = alone.dlf("gather", "--project", "p", "--workers", str(WORKERS))
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(gathered(alone)) == len(web.photos.requests) == IMAGES
    one_gather = web.searches()

    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    draw = random.Random(seed)
    web.photos.requests.clear()
    web.photos.seconds = PHOTO_SECONDS
    workspace = leading_to(make_workspace(tmp_path / "killed"), web)
    write_web_project(workspace, web=SETTINGS)
    kills: list[float] = []
    in_the_middle = 0
    for number in range(KILLS):
        before = len(web.photos.requests)
        # half of them at any moment since their start, and half while they download
        late = number % 2 == 1
        seconds = draw.uniform(0.0, 1.5) if late else draw.uniform(0.3, 4.0)
        alive = killed(workspace, web, tmp_path / f"{number}.log", seconds=seconds, from_first_photo=late)
        kills.append(time.monotonic())
        in_the_middle += alive and len(web.photos.requests) > before
    assert in_the_middle >= 5, "most were killed before the first download: lengthen the pauses above"
    web.photos.seconds = 0.05
    done = workspace.dlf("gather", "--project", "p", "--workers", str(WORKERS))
    assert done.returncode == 0, done.stderr[-2000:]

    assert gathered(workspace) == gathered(alone)
    left = [path.name for path in (workspace.data("p") / "labels" / "gather").iterdir() if path.is_dir()]
    assert not [name for name in left if name.endswith((".parts", ".searches", ".work"))]
    times = defaultdict(list)
    for request in web.photos.requests:
        times[place(request)].append(request.at)
    assert len(times) == IMAGES
    unexplained = {
        path: len(ats)
        for path, ats in times.items()
        for at in ats[:-1]
        if not any(at <= kill <= at + PHOTO_SECONDS + GRACE_SECONDS for kill in kills)
    }
    twice = len(web.photos.requests) - IMAGES
    print(f"{twice} downloads more than images over {in_the_middle} kills in the middle")
    assert unexplained == {}
    assert twice <= KILLS * WORKERS
    # a service is asked again only for what it had not answered when the kill came
    assert all(count <= one_gather[name] * (2 + KILLS) for name, count in web.searches().items())
