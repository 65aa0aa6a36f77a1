"""`kill -9` of `dlf pipeline` at random moments: the next run goes on, and the end is the same to the byte."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from workspaces import TestWorkspace, make_workspace

from dlf_core.records import CLOCK_COLUMNS
from dlf_resources.stores.stage_tables import encode

pytestmark = pytest.mark.processes

IMAGES = 500
# Crops of the same eight photos overlap.
DIFFERENT = {"duplicates": "{near: false}"}
KILLS = 20
KEY = "crops__positive.crops"
STARTED = re.compile(r"^(gather|filter|label|verify) \S+: (\d+) to compute, (\d+) reused$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photo: Callable[[str], Path]) -> Path:
    """500 different crops of sample photos; about half show persons."""
    folder = tmp_path_factory.mktemp("crops")
    draw = random.Random(7)
    opened = [Image.open(photo(end)).convert("RGB") for end in ("129054", "147498", "343706", "188465", "184324")]
    for number in range(IMAGES):
        picture = opened[number % len(opened)]
        left, top = draw.randrange(picture.width - 300), draw.randrange(picture.height - 300)
        crop = picture.crop((left, top, left + 300, top + 300))
        crop.paste((number % 256, number // 256, 99), (0, 0, 8, 8))  # two crops of one place must differ
        crop.save(folder / f"{number:03d}.jpg", quality=85)
    return folder


def tables(workspace: TestWorkspace) -> dict[str, bytes]:
    """Final tables as bytes, without what tells the time and the run."""
    found: dict[str, bytes] = {}
    for stage in ("gather", "filter", "label", "verify", "review"):
        table = pq.read_table(workspace.data("crops") / "labels" / stage / f"{KEY}.parquet")
        timeless = table.drop([name for name in CLOCK_COLUMNS if name in table.column_names])
        found[stage] = encode(timeless.replace_schema_metadata(None))
    found["coco"] = (workspace.data("crops") / "dataset" / "coco" / "annotations.json").read_bytes()
    return found


def rows_on_disk(workspace: TestWorkspace, stage: str) -> int:
    """Different results of a stage that are on disk, in its table or in fragments."""
    labels = workspace.data("crops") / "labels" / stage
    files = [labels / f"{KEY}.parquet", *(labels / f"{KEY}.parts").glob("*.parquet")]
    keys = [pq.read_table(file, columns=["memo_key"]) for file in files if file.exists() and file.name[0] != "."]
    return len(pa.concat_tables(keys).column(0).unique()) if keys else 0


def start(workspace: TestWorkspace, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dlf_assets.cli.main", "pipeline", "--project", "crops"]
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=workspace.root, env=workspace.env, stdout=output, stderr=output)


def test_a_pipeline_killed_twenty_times_ends_like_one_left_alone(tmp_path: Path, folder: Path) -> None:
    alone = make_workspace(tmp_path / "alone")
    alone.write_project("crops", {"positive/crops": folder}, **DIFFERENT)
    done = alone.dlf("pipeline", "--project", "crops", timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]

    killed = make_workspace(tmp_path / "killed")
    killed.write_project("crops", {"positive/crops": folder}, **DIFFERENT)
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    draw = random.Random(seed)
    survived = 0
    for kill in range(KILLS):
        before = {stage: rows_on_disk(killed, stage) for stage in ("gather", "filter", "label", "verify")}
        log = tmp_path / f"run-{kill}.log"
        process = start(killed, log)
        time.sleep(draw.uniform(1.0, 9.0))
        survived += process.poll() is not None
        process.kill()
        process.wait()
        for stage, _, reused in STARTED.findall(log.read_text()):
            # nothing that had reached the disk is computed again
            assert int(reused) == before[stage], (stage, kill)
    assert survived < KILLS / 2, "most runs ended before they were killed: shorten the pauses above"
    before = {stage: rows_on_disk(killed, stage) for stage in ("gather", "filter", "label", "verify")}
    done = killed.dlf("pipeline", "--project", "crops", timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    for stage, _, reused in STARTED.findall(done.stderr):
        assert int(reused) == before[stage]
    assert tables(killed) == tables(alone)
    assert not list((killed.data("crops") / "labels").rglob("*.parts")), "fragments go once their table is written"


def test_a_killed_stage_has_lost_at_most_two_seconds_of_work(
    workspace: TestWorkspace, tmp_path: Path, folder: Path
) -> None:
    workspace.write_project("crops", {"positive/crops": folder}, **DIFFERENT)
    assert workspace.dlf("gather", "--project", "crops").returncode == 0
    process = start(workspace, tmp_path / "run.log")
    end = time.monotonic() + 60
    while rows_on_disk(workspace, "filter") == 0:
        assert time.monotonic() < end
        assert process.poll() is None, (tmp_path / "run.log").read_text()
        time.sleep(0.05)
    time.sleep(random.uniform(1.0, 4.0))
    killed_at = time.time()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    written = sorted((workspace.data("crops") / "labels" / "filter" / f"{KEY}.parts").glob("*.parquet"))
    assert written, "the stage ended before it was killed"
    assert killed_at - written[-1].stat().st_mtime <= 2.5  # two seconds, and half a second for a busy machine
    on_disk = rows_on_disk(workspace, "filter")
    done = workspace.dlf("filter", "--project", "crops")
    assert STARTED.findall(done.stderr) == [("filter", str(IMAGES - on_disk), str(on_disk))]


def test_two_runs_at_once_never_mix_a_table(workspace: TestWorkspace, tmp_path: Path, folder: Path) -> None:
    """Two Dagster instances on one data root: no pool is between them, only the lock of the bucket."""
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted(folder.iterdir())[:80]:
        shutil.copyfile(file, few / file.name)
    workspace.write_project("crops", {"positive/crops": few}, **DIFFERENT)
    assert workspace.dlf("gather", "--project", "crops").returncode == 0
    command = [sys.executable, "-m", "dlf_assets.cli.main", "filter", "--project", "crops"]
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    runs = []
    for number, log in enumerate(logs):
        home = workspace.root / f"home-{number}"
        shutil.copytree(workspace.root / "dagster_home", home, ignore=shutil.ignore_patterns("storage", "history"))
        with log.open("wb") as output:
            env = workspace.env | {"DAGSTER_HOME": str(home)}
            runs.append(subprocess.Popen(command, cwd=workspace.root, env=env, stdout=output, stderr=output))
    codes = [run.wait(120) for run in runs]
    said = [log.read_text() for log in logs]
    assert codes == [0, 0], said
    # The second waited for the first, and then found everything there.
    assert sorted(STARTED.findall("".join(said))) == [("filter", "0", "80"), ("filter", "80", "0")]
    table = pq.read_table(workspace.data("crops") / "labels" / "filter" / f"{KEY}.parquet")
    assert len(table) == len(table.column("image_id").unique()) == 80
