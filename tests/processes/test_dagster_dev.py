"""The real webserver and daemon, spoken to by GraphQL as the UI does."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster_ui import STAGES, Ui
from workspaces import ROOT, SAMPLE, make_workspace

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    workspace = make_workspace(tmp_path_factory.mktemp("dagster") / "workspace")
    photos = SAMPLE / "photos"
    workspace.write_project("zoo", {"positive/people": photos / "people", "negative/zebras": photos / "animals"})
    nightly = workspace.root / "nightly"
    nightly.mkdir()
    shutil.copyfile(photos / "people" / "000000184324.jpg", nightly / "first.jpg")
    workspace.write_project("nightly", {"positive/people": nightly}, schedule='"* * * * *"')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = workspace.root / "dev.log"
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(ROOT / "workspace.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as output:
        # not in the checkout: `make dev` must not care where it is called
        process = subprocess.Popen(
            command, cwd="/", env=workspace.env, stdout=output, stderr=output, start_new_session=True
        )
    client = Ui(f"http://127.0.0.1:{port}", workspace, log)
    try:
        client.until("the code location is loaded", lambda: client.keys("zoo"), 120)
        yield client
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_a_backfill_of_all_buckets_ends_green_and_every_stage_says_what_it_did(ui: Ui) -> None:
    keys = ui.keys("zoo")
    assert keys == ["zoo__positive.people", "zoo__negative.zebras"]
    assert ui.backfill(keys) == "COMPLETED_SUCCESS"
    for stage in STAGES:
        found = ui.metadata(stage, "zoo__positive.people")
        assert found is not None, stage
        assert {"in", "out", "dropped", "errors", "computed", "seconds", "images_per_second", "counts"} <= set(found)
        assert found["samples"]["records"], stage
        assert Path(found["table"]).is_file()
    for stage in ("filtered_images", "verified_boxes"):
        found = ui.metadata(stage, "zoo__positive.people")
        assert found is not None
        assert found["model"] == "nanodet-m-416"
        assert 0 < found["yes_rate"] <= 1
        assert found["prompt_hash"]
    zebras = ui.metadata("filtered_images", "zoo__negative.zebras")
    assert zebras is not None
    assert (zebras["in"], zebras["out"]) == (1, 0)


def test_the_data_set_follows_by_itself_once_the_buckets_are_reviewed(ui: Ui) -> None:
    found = ui.until("the data set is made", lambda: ui.metadata("dataset", "zoo"))
    assert found["images"] == 5
    assert found["boxes"] > 10
    assert (ui.workspace.data("zoo") / "dataset" / "coco" / "annotations.json").is_file()


def test_a_project_added_while_it_runs_appears_and_a_blocked_bucket_stops_only_itself(ui: Ui, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "text.jpg").write_text("this is no image")
    folders = {"positive/good": SAMPLE / "photos" / "people", "positive/bad": tmp_path / "bad"}
    ui.workspace.write_project("late", folders)
    keys = ui.until("the new partitions are there", lambda: ui.keys("late"), 60)
    assert sorted(keys) == ["late__positive.bad", "late__positive.good"]
    assert ui.backfill(keys) == "COMPLETED_FAILED"
    bad = ui.metadata("gathered_images", "late__positive.bad")
    assert bad is not None
    assert (bad["in"], bad["out"], bad["dropped"]) == (1, 0, 1)
    assert ui.metadata("filtered_images", "late__positive.bad") is None
    good = ui.metadata("reviewed_boxes", "late__positive.good")
    assert good is not None
    assert good["out"] > 10


def test_a_broken_yaml_is_told_and_takes_nothing_down(ui: Ui) -> None:
    broken = ui.workspace.root / "project_configs" / "broken.yaml"
    broken.write_text("project_name: broken\ntarget_objekt: x\n")
    query = """query ($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) { ... on Sensor {
        sensorState { ticks(limit: 3) { status skipReason error { message } } } } } }"""
    selector = {
        "sensorName": "project_partitions",
        "repositoryName": "__repository__",
        "repositoryLocationName": "data-label-factory",
    }

    def told() -> bool:
        ticks = ui.ask(query, selector=selector)["sensorOrError"]["sensorState"]["ticks"]
        assert all(tick["status"] != "FAILURE" for tick in ticks), ticks
        return any("broken.yaml cannot be read" in (tick["skipReason"] or "") for tick in ticks)

    try:
        ui.until("the sensor tells of the broken file", told, 60)
        said = ui.until("the file is an asset that says so", ui.broken, 120)
        assert "target_objekt" in said["broken_yaml"]
        assert ui.keys("zoo")
        assert "relabel_nightly" in ui.schedules()
        status = ui.workspace.dlf("status")
        assert "broken.yaml:2: " in status.stdout, status.stdout
    finally:
        broken.unlink()
    ui.until("it is gone when the file is", lambda: not ui.broken(), 120)


def test_a_schedule_that_a_yaml_gets_while_all_runs_is_there_without_a_restart(ui: Ui) -> None:
    assert "relabel_zoo" not in ui.schedules()
    file = ui.workspace.root / "project_configs" / "zoo.yaml"
    before = file.read_text()
    file.write_text(f'{before}\nschedule: "0 3 1 1 *"\n')
    try:
        ui.until("the schedule runs", lambda: ui.schedules().get("relabel_zoo") == "RUNNING", 120)
        assert {"zoo_pipeline", "zoo_relabel", "nightly_pipeline"} <= ui.jobs()
    finally:
        file.write_text(before)
    ui.until("and is gone with its key", lambda: "relabel_zoo" not in ui.schedules(), 120)


def test_a_backfill_of_the_command_line_is_one_of_the_ui(ui: Ui) -> None:
    done = ui.workspace.dlf(
        "backfill", "-p", "zoo", "--bucket", "positive/*", "--stage", "gather", "--stage", "filter", "--watch"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("backfill ")
    assert "1 buckets, gather, filter" in done.stdout
    assert done.stderr.splitlines()[-2:] == ["gather 1/1; filter 1/1", "completed"]
    backfill_id = done.stdout.split()[1].rstrip(":")
    told = ui.ask(
        """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
             ... on PartitionBackfill { status title tags { key value } } } }""",
        id=backfill_id,
    )["partitionBackfillOrError"]
    assert (told["status"], told["title"]) == ("COMPLETED_SUCCESS", "zoo: gather, filter")
    assert {"key": "dlf/project", "value": "zoo"} in told["tags"]
    again = ui.workspace.dlf("backfill", "-p", "zoo", "--cancel", backfill_id)
    assert again.returncode == 1
    assert again.stderr == f"error: backfill {backfill_id} has ended (completed).\n"


def test_a_cron_schedule_of_a_yaml_fires_and_relabels(ui: Ui) -> None:
    def gathered() -> dict[str, Any] | None:
        return ui.metadata("gathered_images", "nightly__positive.people")

    ui.until("the schedule has gathered", gathered, 180)
    ui.until("and labelled", lambda: ui.metadata("verified_boxes", "nightly__positive.people"))
    photos = SAMPLE / "photos" / "people"
    shutil.copyfile(photos / "000000188465.jpg", ui.workspace.root / "nightly" / "second.jpg")
    ui.until("a later tick has gathered the new photo", lambda: (gathered() or {}).get("in") == 2, 180)

    def relabelled() -> bool:
        found = ui.metadata("labeled_boxes", "nightly__positive.people")
        return found is not None and found["in"] == 2

    ui.until("and labelled it", relabelled)
    found = ui.metadata("labeled_boxes", "nightly__positive.people")
    assert found is not None
    assert (found["computed"], found["reused"]) == (1, 1), "only the new photo is computed"
