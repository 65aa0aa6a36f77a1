"""The command line as a user types it: what it prints, where, and its exit status."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workspaces import ROOT, SAMPLE, TestWorkspace

pytestmark = pytest.mark.processes

COMMANDS = [
    "status",
    "project",
    "gather",
    "filter",
    "label",
    "verify",
    "pipeline",
    "backfill",
    "export",
    "import",
    "compare",
    "publish",
    "review",
    "store",
    "list",
    "show",
    "sync",
    "serve-vlm",
]


@pytest.fixture
def people(workspace: TestWorkspace, tmp_path: Path) -> TestWorkspace:
    """A workspace with a project of two photos in two buckets."""
    for name, photo in (("people", "people/000000343706.jpg"), ("zebras", "animals/000000129054.jpg")):
        (tmp_path / name).mkdir()
        shutil.copyfile(SAMPLE / "photos" / photo, tmp_path / name / "one.jpg")
    workspace.write_project("p", {"positive/people": tmp_path / "people", "negative/zebras": tmp_path / "zebras"})
    return workspace


def test_help_answers_at_once_and_names_every_command(workspace: TestWorkspace) -> None:
    began = time.monotonic()
    done = workspace.dlf("--help")
    took = time.monotonic() - began
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert took < 3  # the figure itself is in benchmarks/; this catches an import of Dagster


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(workspace: TestWorkspace, command: str) -> None:
    done = workspace.dlf(command, "--help")
    assert done.returncode == 0
    assert f"dlf {command}" in done.stdout.replace("Usage: ", "")
    assert "Example" in done.stdout


def test_pipeline_prints_one_json_object_with_every_number(people: TestWorkspace) -> None:
    done = people.dlf("pipeline", "--project", "p", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["stages"]) == ["gather", "filter", "label", "verify", "review"]
    for buckets in report["stages"].values():
        assert list(buckets) == ["positive/people", "negative/zebras"]
        for numbers in buckets.values():
            assert {"in", "out", "dropped", "errors", "computed", "reused", "seconds"} <= set(numbers)
    assert set(report["dataset"]) >= {"path", "images", "boxes", "formats"}
    assert Path(report["dataset"]["path"], "coco", "annotations.json").is_file()
    assert len(report["run_ids"]) == 3
    again = json.loads(people.dlf("pipeline", "--project", "p", "--json").stdout)
    assert sum(numbers["computed"] for buckets in again["stages"].values() for numbers in buckets.values()) == 0
    assert again["dataset"]["computed"] == 0


def test_the_run_folder_holds_the_files_that_users_know(people: TestWorkspace) -> None:
    report = json.loads(people.dlf("pipeline", "--project", "p", "--json").stdout)
    run = Path(report["run_folder"])
    assert (people.root / "experiments" / "latest").resolve() == run.resolve()
    manifest = json.loads((run / "gather" / "manifest.json").read_text())
    assert {row["bucket"] for row in manifest} == {"positive/people", "negative/zebras"}
    assert {"url", "source", "title", "license", "path", "bytes", "sha256", "phash", "bucket"} <= set(manifest[0])
    keep = json.loads((run / "filter_embedded" / "keep_list.json").read_text())
    assert keep["counts"] == {"YES": 1, "NO": 1, "UNKNOWN": 0, "ERROR": 0}
    assert {"image_path", "bucket", "verdict", "raw_answer", "elapsed_seconds"} <= set(keep["results"][0])
    coco = json.loads((run / "label_embedded" / "p.coco.json").read_text())
    assert all({"score", "score_kind", "box_id", "query"} <= set(row) for row in coco["annotations"])
    assert all(row["bucket"] == "positive/people" for row in coco["images"])
    verified = json.loads((run / "verify_embedded" / "verified.json").read_text())
    assert verified["summary"]["total"] == len(verified["annotations"]) == len(coco["annotations"])
    config = json.loads((run / "config.json").read_text())
    assert config["run_ids"] == report["run_ids"][:2]
    assert (run / "README.md").read_text().startswith("# p:")


def test_stages_run_one_by_one_and_share_a_named_experiment(people: TestWorkspace) -> None:
    for stage in ("gather", "filter", "label", "verify"):
        done = people.dlf(stage, "--project", "p", "--bucket", "positive/*", "--experiment", "mine")
        assert done.returncode == 0, done.stderr
    listed = json.loads(people.dlf("list", "--json").stdout)
    assert len(listed) == 1
    assert listed[0]["stages"] == ["filter_embedded", "gather", "label_embedded", "verify_embedded"]
    shown = json.loads(people.dlf("show", "mine", "--json").stdout)
    assert shown["counts"]["filter_embedded/keep_list.json"]["YES"] == 1
    assert "gather/manifest.json" in shown["files"]


def test_a_stage_without_the_one_before_says_what_to_run(people: TestWorkspace) -> None:
    done = people.dlf("filter", "--project", "p", "--bucket", "positive/people")
    assert done.returncode == 1
    assert "run `dlf gather --project p --bucket positive/people` first" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pipeline"], 2, "--project"),
        (["pipeline", "--project", "q"], 1, "no project 'q'"),
        (["pipeline", "--project", "nowhere/q.yaml"], 1, "there is no such project file"),
        (["gather", "--project", "p", "--bucket", "positive/peopel"], 1, "did you mean 'positive/people'?"),
        (["gather", "--project", "p", "--limit", "0"], 2, "--limit"),
        (["label", "--project", "p", "--backend", "falcn"], 1, "is no backend for label; there is: falcon"),
        (["show", "nothing"], 1, "no run 'nothing'"),
        (["export", "--project", "p", "--format", "coco"], 1, "run `dlf pipeline` first"),
        (["status", "--project", "p"], 0, "ok"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_mistakes_get_one_sentence_and_an_exit_status(
    people: TestWorkspace, words: list[str], code: int, said: str
) -> None:
    if words[0] == "label":
        people.dlf("gather", "--project", "p")
        people.dlf("filter", "--project", "p", "--bucket", "positive/people")
        words = [*words, "--bucket", "positive/people"]
    done = people.dlf(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_broken_yaml_is_named_with_its_line(workspace: TestWorkspace) -> None:
    file = workspace.root / "project_configs" / "bad.yaml"
    file.write_text("project_name: bad\ntarget_objekt: dog\nbuckets: {a: []}\nfalcon_queries: [dog]\n")
    done = workspace.dlf("project", "--project", "bad")
    assert done.returncode == 1
    assert f"{file}:2: unknown key 'target_objekt'; did you mean 'target_object'?" in done.stderr
    synced = workspace.dlf("sync")
    assert synced.returncode == 1
    assert "bad.yaml:2" in synced.stderr


def test_sync_adds_partitions_once(people: TestWorkspace) -> None:
    assert json.loads(people.dlf("sync", "--json").stdout)["added"] == ["p__positive.people", "p__negative.zebras"]
    assert json.loads(people.dlf("sync", "--json").stdout)["added"] == []


def test_export_writes_where_it_is_told(people: TestWorkspace, tmp_path: Path) -> None:
    people.dlf("pipeline", "--project", "p")
    done = people.dlf("export", "--project", "p", "--format", "yolo", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "yolo" / "data.yaml").is_file()
    assert not (tmp_path / "out" / "coco").exists()


def test_a_data_root_that_cannot_be_written_is_one_sentence(people: TestWorkspace) -> None:
    (people.root / "data").write_text("a file where the folder should be")
    done = people.dlf("gather", "--project", "p")
    assert done.returncode == 1
    assert "DLF_DATA_ROOT" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_ctrl_c_keeps_what_is_done(people: TestWorkspace, tmp_path: Path) -> None:
    import signal

    many = tmp_path / "people"
    content = (many / "one.jpg").read_bytes()
    for number in range(300):
        (many / f"{number}.jpg").write_bytes(content + bytes([number % 256, number // 256]))
    people.write_project(
        "p", {"positive/people": many, "negative/zebras": tmp_path / "zebras"}, duplicates="{near: false}"
    )
    command = [sys.executable, "-m", "dlf_assets.cli.main", "pipeline", "--project", "p"]
    run = subprocess.Popen(command, cwd=people.root, env=people.env, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("filter"):
            break
    time.sleep(2.5)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=30)
    assert run.returncode == 130, said
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    again = people.dlf("filter", "--project", "p", "--bucket", "positive/people", "--json")
    assert json.loads(again.stdout)["stages"]["filter"]["positive/people"]["reused"] > 20


def test_the_readme_names_only_commands_that_exist() -> None:
    import re

    named = set(re.findall(r"\bdlf ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert named <= {*COMMANDS}


def test_a_server_that_is_not_there_is_told_once_and_not_waited_for_in_every_bucket(
    workspace: TestWorkspace, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copyfile(next(SAMPLE.rglob("*.jpg")), photos / "a.jpg")
    folders = {f"positive/{name}": photos for name in ("a", "b", "c", "d")}
    nobody = "http://127.0.0.1:9"  # the discard port: nobody listens
    workspace.write_project("p", folders, backends="{filter: qwen, label: embedded, verify: embedded}")
    assert workspace.dlf("gather", "-p", "p").returncode == 0
    command = [sys.executable, "-m", "dlf_assets.cli.main", "filter", "-p", "p"]
    env = workspace.env | {"QWEN_URL": nobody}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert told.count("cannot be reached; start one with `dlf serve-vlm`") == 1
    assert "3 more buckets: not tried, since the backend is not there" in told


def test_an_instance_whose_first_command_was_killed_while_it_made_its_tables_is_mended(people: TestWorkspace) -> None:
    assert people.dlf("sync").returncode == 0
    index = people.root / "dagster_home" / "history" / "runs" / "index.db"
    with contextlib.closing(sqlite3.connect(index)) as tables:
        tables.execute("DROP TABLE dynamic_partitions")
        tables.execute("DELETE FROM alembic_version")
        tables.commit()
    done = people.dlf("sync")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_backfill_without_a_daemon_is_one_sentence_that_says_how_to_start_one(people: TestWorkspace) -> None:
    done = people.dlf("backfill", "--project", "p")
    assert done.returncode == 1
    assert done.stderr.startswith("error: nobody runs backfills: no Dagster daemon works on this instance; start one")
    assert len(done.stderr.splitlines()) == 1
