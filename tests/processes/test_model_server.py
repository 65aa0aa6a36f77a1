"""The factory against the real mlx_vlm.server, on a Qwen2.5-VL of 1 MB that says YES to what is redder than blue."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from model_servers import tiny_qwen
from model_servers.mlx_server import ENVIRONMENT, free_port, mlx_server
from PIL import Image
from workspaces import SAMPLE, TestWorkspace, make_workspace

pytestmark = pytest.mark.processes

QWEN = "{filter: qwen, label: qwen, verify: qwen}"
LEAKS = re.compile(r"base64,|[A-Za-z0-9+/]{120,}|Traceback|sekrit")


@dataclass(frozen=True)
class Qwen:
    """A workspace, and the address of a server."""

    workspace: TestWorkspace
    port: int
    model: Path

    @property
    def env(self) -> dict[str, str]:
        return {"QWEN_URL": f"http://127.0.0.1:{self.port}/v1", "QWEN_MODEL_PATH": str(self.model)}

    def dlf(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        with _environment(self.env | ENVIRONMENT | more):
            return self.workspace.dlf(*words, timeout=240)

    def json(self, *words: str, **more: str) -> dict[str, Any]:
        done = self.dlf(*words, "--json", **more)
        assert not LEAKS.search(done.stdout + done.stderr), done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {"stderr": done.stderr}

    def rows(self, stage: str, key: str = "p__positive.x") -> list[dict[str, Any]]:
        return pq.read_table(self.workspace.data("p") / "labels" / stage / f"{key}.parquet").to_pylist()

    def loaded(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as reply:
            return json.loads(reply.read())["loaded_model"]


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.make(tmp_path_factory.mktemp("models") / "tiny-qwen2.5-vl")


@pytest.fixture(scope="module")
def port(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with mlx_server(checkpoint, port, tmp_path_factory.mktemp("log") / "server.log"):
        yield port


@pytest.fixture
def qwen(tmp_path: Path, port: int, checkpoint: Path) -> Qwen:
    return Qwen(make_workspace(tmp_path / "workspace"), port, checkpoint)


def colours(folder: Path, count: int) -> dict[str, float]:
    """Photos from blue to red, each with its redness."""
    folder.mkdir(exist_ok=True)
    chance = np.random.default_rng(1)
    made: dict[str, float] = {}
    for number in range(count):
        red = number / max(1, count - 1)
        pixels = np.empty((96, 128, 3))
        pixels[:] = (40 + 180 * red, 60, 220 - 180 * red)
        noisy = np.clip(pixels + chance.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
        name = f"{number:04d}.jpg"
        Image.fromarray(noisy).save(folder / name, quality=92)
        made[name] = red
    return made


def project(qwen: Qwen, photos: Path, **more: str) -> Path:
    return qwen.workspace.write_project("p", {"positive/x": photos}, **({"backends": QWEN} | more))


def test_verdicts_are_right_and_p_yes_rises_with_redness_with_sixteen_in_flight(qwen: Qwen, tmp_path: Path) -> None:
    made = colours(tmp_path / "photos", 48)
    project(qwen, tmp_path / "photos", servers="{qwen: {max_in_flight: 16}}")
    qwen.json("gather", "-p", "p")
    told = qwen.json("filter", "-p", "p")["stages"]["filter"]["positive/x"]
    assert (told["in"], told["errors"]) == (48, 0)
    titles = {row["image_id"]: row["title"] for row in qwen.rows("gather")}
    rows = sorted(qwen.rows("filter"), key=lambda row: made[titles[row["image_id"]]])
    assert [row["verdict"] for row in rows[:20]] == ["NO"] * 20
    assert [row["verdict"] for row in rows[-20:]] == ["YES"] * 20
    scores = [row["p_yes"] for row in rows]
    assert all(b >= a - 0.02 for a, b in itertools.pairwise(scores)), scores
    assert scores[-1] - scores[0] > 0.3
    assert {row["score_kind"] for row in rows} == {"logprob"}
    assert {row["model"] for row in rows} == {str(qwen.model)}


def test_the_sample_goes_through_all_five_stages(qwen: Qwen) -> None:
    folder = qwen.workspace.root / "project_configs"
    (folder / "sample.yaml").write_text((SAMPLE.parent / "sample.yaml").read_text())
    (folder / "sample").symlink_to(SAMPLE)
    report = qwen.json("pipeline", "--project", "sample", "--backend", "qwen")
    assert set(report["stages"]) == {"gather", "filter", "label", "verify", "review"}
    assert not report["failures"]
    verified = sum(numbers["in"] for numbers in report["stages"]["verify"].values())
    assert verified == sum(numbers["boxes"] for numbers in report["stages"]["label"].values()) > 0
    assert all(numbers["errors"] == 0 for stage in report["stages"].values() for numbers in stage.values())
    again = qwen.json("pipeline", "--project", "sample", "--backend", "qwen")
    assert all(numbers["computed"] == 0 for stage in again["stages"].values() for numbers in stage.values())


def test_status_shows_the_living_with_their_model_and_the_dead_with_what_starts_them(qwen: Qwen) -> None:
    told = {entry["backend"]: entry for entry in json.loads(qwen.dlf("status", "--json").stdout)}
    assert told["qwen"]["ok"]
    assert told["qwen"]["model"] == str(qwen.model)
    assert told["qwen"]["logprobs"] is True
    assert told["qwen"]["latency_ms"] > 0
    assert told["embedded"]["ok"]
    dead = {"GEMMA_URL": f"http://127.0.0.1:{free_port()}", "QWEN_URL": f"http://127.0.0.1:{free_port()}"}
    with _environment(qwen.env | dead):
        shown = qwen.workspace.dlf("status")
    assert shown.returncode == 0
    lines = {line.split()[0]: line for line in shown.stdout.splitlines()}
    assert "down" in lines["qwen"]
    assert "`dlf serve-vlm`" in lines["qwen"]
    assert "`mac-tensor ui --vision" in lines["gemma"]
    assert "`python -m falcon_perception.server" in lines["falcon"]
    project(qwen, qwen.workspace.root)
    with _environment(qwen.env | dead):
        assert qwen.workspace.dlf("status", "--project", "p").returncode == 1


def test_another_model_name_is_told_and_never_unloads_the_served_one(qwen: Qwen, tmp_path: Path) -> None:
    colours(tmp_path / "photos", 2)
    project(qwen, tmp_path / "photos")
    before = qwen.loaded()
    done = qwen.dlf("pipeline", "-p", "p", QWEN_MODEL_PATH=str(qwen.model) + "/")
    assert done.returncode == 1
    assert f"serves '{qwen.model}'" in done.stdout + done.stderr
    assert "QWEN_MODEL_PATH" in done.stdout + done.stderr
    assert qwen.loaded() == before == str(qwen.model)
    assert not LEAKS.search(done.stdout + done.stderr)


def test_a_damaged_image_is_one_error_and_the_others_are_answered(qwen: Qwen, tmp_path: Path) -> None:
    colours(tmp_path / "photos", 40)
    project(qwen, tmp_path / "photos")
    qwen.json("gather", "-p", "p")
    row = qwen.rows("gather")[7]
    raw = qwen.workspace.data("p") / row["path"]
    # Its header is whole, so that only a model, or the check before it, can notice.
    raw.write_bytes(raw.read_bytes()[:600])
    qwen.json("filter", "-p", "p")
    rows = {found["image_id"]: found for found in qwen.rows("filter")}
    assert len(rows) == 40
    assert [found["image_id"] for found in rows.values() if found["verdict"] == "ERROR"] == [row["image_id"]]
    error = rows[row["image_id"]]["error"]
    assert len(error) <= 300
    assert "\n" not in error
    assert not LEAKS.search(error)


def test_a_server_that_dies_ends_the_run_and_the_next_run_asks_only_what_is_missing(
    tmp_path: Path, checkpoint: Path
) -> None:
    port = free_port()
    own = Qwen(make_workspace(tmp_path / "workspace"), port, checkpoint)
    colours(tmp_path / "photos", 160)
    project(own, tmp_path / "photos", servers="{qwen: {max_in_flight: 4}}")
    own.json("gather", "-p", "p")
    log = tmp_path / "server.log"
    parts = own.workspace.data("p") / "labels" / "filter" / "p__positive.x.parts"
    with mlx_server(checkpoint, port, log) as server:

        def kill_in_the_middle() -> None:
            while not (parts.is_dir() and any(parts.glob("*.parquet"))):
                time.sleep(0.05)
            server.kill()

        killer = threading.Thread(target=kill_in_the_middle)
        killer.start()
        began = time.monotonic()
        done = own.dlf("filter", "-p", "p")
        killer.join()
    assert done.returncode == 1
    assert time.monotonic() - began < 90
    told = " ".join((done.stdout + done.stderr).split())
    assert "cannot be reached; start one with `dlf serve-vlm`" in told
    assert not LEAKS.search(told)
    kept = sum(len(pq.read_table(part)) for part in parts.glob("*.parquet"))
    assert 0 < kept < 160
    with mlx_server(checkpoint, port, log):
        numbers = own.json("filter", "-p", "p")["stages"]["filter"]["positive/x"]
    assert (numbers["reused"], numbers["computed"]) == (kept, 160 - kept)
    assert numbers["requests"] == numbers["computed"] + 1  # and one for the names of the models
    assert len(own.rows("filter")) == 160


def test_a_finished_bucket_needs_no_server(qwen: Qwen, tmp_path: Path) -> None:
    colours(tmp_path / "photos", 4)
    project(qwen, tmp_path / "photos")
    qwen.json("pipeline", "-p", "p")
    gone = {"QWEN_URL": f"http://127.0.0.1:{free_port()}"}
    numbers = qwen.json("filter", "-p", "p", **gone)["stages"]["filter"]["positive/x"]
    assert (numbers["computed"], numbers["reused"], numbers["requests"]) == (0, 4, 0)


def test_a_project_may_have_its_server_started_and_stopped_with_the_run(tmp_path: Path, checkpoint: Path) -> None:
    own = Qwen(make_workspace(tmp_path / "workspace"), free_port(), checkpoint)
    colours(tmp_path / "photos", 6)
    managed = "{filter: qwen, label: embedded, verify: qwen, manage: true}"
    project(own, tmp_path / "photos", backends=managed)
    own.json("gather", "-p", "p")
    done = own.dlf("filter", "-p", "p", "--json", QWEN_API_KEY="sekrit-of-the-user")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stages"]["filter"]["positive/x"]["errors"] == 0
    assert "starting mlx_vlm.server" in done.stderr
    assert "sekrit" not in done.stdout + done.stderr
    with pytest.raises(OSError, match="refused"):
        own.loaded()
    log = next((own.workspace.root / "dagster_home" / "logs").glob("serve-vlm-*.log"))
    assert "sekrit" not in log.read_text()


@contextlib.contextmanager
def _serve(own: Qwen) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dlf_assets.cli.main", "serve-vlm"]
    env = own.workspace.env | own.env | ENVIRONMENT
    # A shell that runs the tests in the background has them ignore SIGINT; a terminal does not.
    serving = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield serving
    finally:
        serving.kill()
        serving.wait(30)


def _gone(own: Qwen, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            own.loaded()
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_served_model_goes_with_the_command_however_that_ends(
    end: signal.Signals, tmp_path: Path, checkpoint: Path
) -> None:
    own = Qwen(make_workspace(tmp_path / "workspace"), free_port(), checkpoint)
    with _serve(own) as serving:
        assert serving.stdout is not None
        line = ""
        while not line.startswith("ready at"):
            line = serving.stdout.readline()
            assert line, "it ended before it was ready"
        assert own.loaded() == str(checkpoint)
        second = own.dlf("serve-vlm")
        assert second.returncode == 1
        assert "is taken already, by a server of" in " ".join(second.stderr.split())
        serving.send_signal(end)
        rest, _ = serving.communicate(timeout=30)
        assert _gone(own, 20)
        if end is signal.SIGINT:
            assert serving.returncode == 130
            assert "stopped" in rest


def test_a_model_that_is_nowhere_is_one_sentence(tmp_path: Path) -> None:
    own = Qwen(make_workspace(tmp_path / "workspace"), free_port(), tmp_path / "no-such-model")
    done = own.dlf("serve-vlm")
    assert done.returncode == 1
    assert "is no folder" in " ".join(done.stderr.split())
    done = own.dlf("serve-vlm", "--model", "nobody/nothing")
    assert done.returncode == 1
    assert "could not start with 'nobody/nothing'" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_picture_the_server_refuses_leaves_no_picture_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "keeper.log"
    program = "print('cannot read data:image/png;base64,' + 'QUJD' * 400, flush=True)"
    command = [sys.executable, "-m", "dlf_resources.servers.keeper", str(log), sys.executable, "-c", program]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert keeper.wait(30) == 0
    assert log.read_text().strip() == "cannot read [picture]"
