"""`kill -9` in the middle of uploads: no table ever names an image that is not there, and the end is the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from object_store.fault_proxy import FaultProxy
from object_store.faults import stall
from object_store.machines import Bucket, Machine, local_machine
from object_store.seaweed import ObjectStore
from PIL import Image

pytest_plugins = ["object_store.fixtures"]
pytestmark = [pytest.mark.processes, pytest.mark.waits]

FOLDERS = ("a", "b", "c")
PHOTOS = 80
"""In each folder."""
KILLS = 10
UPLOAD_SECONDS = 0.4
PATIENCE_SECONDS = 120.0
"""Until a run that finds the lock of one that was killed uploads something."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, photo: Callable[[str], Path]) -> Path:
    """240 different crops of sample photos."""
    base = tmp_path_factory.mktemp("crops")
    draw = random.Random(11)
    opened = [Image.open(photo(end)).convert("RGB") for end in ("129054", "147498", "343706", "188465", "184324")]
    for name in FOLDERS:
        (base / name).mkdir()
        for number in range(PHOTOS):
            picture = opened[number % len(opened)]
            left, top = draw.randrange(picture.width - 200), draw.randrange(picture.height - 200)
            crop = picture.crop((left, top, left + 200, top + 200))
            crop.paste((number, ord(name), 99), (0, 0, 8, 8))  # two crops of one place must differ
            crop.save(base / name / f"{number:03d}.jpg", quality=85)
    return base


@pytest.fixture
def way(object_server: ObjectStore) -> Iterator[FaultProxy]:
    with FaultProxy(object_server.endpoint_url) as running:
        yield running


def with_project(machine: Machine, folders: Path) -> Machine:
    buckets = {f"positive/{name}": folders / name for name in FOLDERS}
    machine.write_project("crops", buckets, duplicates="{near: false}")
    return machine


def killed(machine: Machine, way: FaultProxy, command: str, log: Path, seconds: float) -> bool:
    """Start a command and kill it so long after its first upload of an image; whether uploads were under way."""
    before = len(way.asked("PUT", "raw/"))
    words = [sys.executable, "-m", "dlf_assets.cli.main", command, "--project", "crops"]
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=machine.root, env=machine.env, stdout=output, stderr=output)
    end = time.monotonic() + PATIENCE_SECONDS
    while len(way.asked("PUT", "raw/")) == before and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(seconds)
    under_way = any(asked.status is None for asked in way.asked("PUT", "raw/"))
    alive = process.poll() is None
    process.kill()
    process.wait()
    time.sleep(UPLOAD_SECONDS + 0.3)  # what was sent may still arrive, and then it is there
    return alive and under_way


def test_a_gather_killed_ten_times_in_its_uploads_ends_like_one_left_alone(
    tmp_path: Path, object_server: ObjectStore, folders: Path, way: FaultProxy
) -> None:
    alone = with_project(local_machine(tmp_path / "alone"), folders)
    done = alone.dlf("pipeline", "--project", "crops", timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]

    bucket = Bucket(object_server, object_server.bucket())
    machine = with_project(bucket.machine(tmp_path / "killed", way.url), folders)
    way.on("PUT", "raw/", stall(UPLOAD_SECONDS), None)
    seed = int(os.environ.get("DLF_TEST_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}")
    draw = random.Random(seed)
    in_uploads = 0
    for number in range(KILLS):
        command = "pipeline" if number % 3 == 2 else "gather"
        log = tmp_path / f"{number}.log"
        in_uploads += killed(machine, way, command, log, draw.uniform(0.0, 1.2))
        assert bucket.missing_images() == [], log.read_text()
    assert in_uploads >= 6, "most were killed before or after their uploads: change the pauses above"

    way.clear()
    done = machine.dlf("pipeline", "--project", "crops", timeout=600)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert bucket.tables() == alone.tables("crops")
    assert bucket.missing_images() == []
    assert len([key for key in bucket.objects() if key.startswith("raw/")]) == len(FOLDERS) * PHOTOS
    coco = "dataset/coco/annotations.json"
    assert (machine.data("crops") / coco).read_bytes() == (alone.data("crops") / coco).read_bytes()
    verified = machine.dlf("store", "verify", "--project", "crops")
    assert (verified.returncode, verified.stdout) == (0, f"everything is whole in r2://{bucket.name}/\n")
    left = [path.name for path in (machine.data("crops") / "labels").rglob("*") if path.is_dir()]
    assert not [name for name in left if name.endswith((".parts", ".searches", ".work"))]
    uploads = len(way.asked("PUT", "raw/"))
    print(f"{uploads} uploads of {len(FOLDERS) * PHOTOS} images over {in_uploads} kills in uploads")
    assert uploads <= len(FOLDERS) * PHOTOS + KILLS * 80
    assert not [key for key in bucket.objects() if ".locks" in key]
