"""Falcon Perception in the factory's own process, through the real mlx-vlm, on a checkpoint of 2 MB."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from model_servers import tiny_falcon
from model_servers.mlx_server import ENVIRONMENT
from workspaces import SAMPLE, TestWorkspace, make_workspace

pytestmark = pytest.mark.processes

BACKENDS = "{filter: embedded, label: falcon-mlx, verify: embedded}"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_falcon.make(tmp_path_factory.mktemp("models") / "tiny-falcon")


@pytest.fixture
def workspace(tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> TestWorkspace:
    for name, value in (ENVIRONMENT | {"FALCON_MODEL_PATH": str(checkpoint)}).items():
        monkeypatch.setenv(name, value)
    made = make_workspace(tmp_path / "workspace")
    photos = tmp_path / "photos"
    photos.mkdir()
    for photo in sorted(SAMPLE.rglob("*.jpg")):
        if photo.stem.endswith(("393226", "343706")):
            shutil.copyfile(photo, photos / photo.name)
    made.write_project("p", {"positive/x": photos}, backends=BACKENDS, falcon_queries="[person]")
    return made


def test_boxes_are_drawn_in_this_process_and_drawn_once(workspace: TestWorkspace, checkpoint: Path) -> None:
    done = workspace.dlf("pipeline", "-p", "p", "--json")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(workspace.data("p") / "labels" / "label" / "p__positive.x.parquet").to_pylist()
    assert [row["status"] for row in rows] == ["FOUND", "FOUND"]
    assert {(row["backend"], row["model"]) for row in rows} == {("falcon-mlx", str(checkpoint))}
    boxes = [box for row in rows for box in row["boxes"]]
    # The tiny model repeats itself for as long as it may: what it draws again and again is there once.
    assert 2 <= len(boxes) < 40
    assert all(0 <= box["x1"] < box["x2"] <= 1 and 0 <= box["y1"] < box["y2"] <= 1 for box in boxes)
    assert {(box["score"], box["score_kind"]) for box in boxes} == {(None, "none")}
    again = workspace.dlf("label", "-p", "p")
    assert "0 computed: all 2 were there already" in again.stdout


def test_a_checkpoint_that_is_nowhere_is_one_sentence(
    workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.dlf("gather", "-p", "p").returncode == 0
    assert workspace.dlf("filter", "-p", "p").returncode == 0
    nowhere = str(workspace.root / "nowhere")
    for model, told in ((nowhere, "there is no such folder"), ("nobody/nothing", "cannot be loaded from")):
        monkeypatch.setenv("FALCON_MODEL_PATH", model)
        done = workspace.dlf("label", "-p", "p")
        assert done.returncode == 1
        assert told in " ".join(done.stdout.split())
        assert "FALCON_MODEL_PATH" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


def test_a_query_with_the_models_own_marks_is_refused(workspace: TestWorkspace) -> None:
    file = workspace.root / "project_configs" / "p.yaml"
    file.write_text(file.read_text().replace("falcon_queries: [person]", 'falcon_queries: ["<|image|>"]'))
    assert workspace.dlf("gather", "-p", "p").returncode == 0
    assert workspace.dlf("filter", "-p", "p").returncode == 0
    done = workspace.dlf("label", "-p", "p")
    assert done.returncode == 1
    assert "cannot be asked of Falcon" in " ".join(done.stdout.split())
    assert os.environ["FALCON_MODEL_PATH"] not in done.stdout
