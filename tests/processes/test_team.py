"""A team's deployment: Postgres, and the three services of `deploy/` as their unit files start them."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dagster_ui import Ui
from postgres_cluster import Cluster, running
from workspaces import ROOT, SAMPLE, TestWorkspace, make_workspace

pytestmark = pytest.mark.processes

UNITS = ROOT / "deploy" / "systemd"
PROBLEMS = re.compile(
    r"deadlock|could not serialize|database is locked|OperationalError|too many clients", re.IGNORECASE
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("postgres") / "cluster") as found:
        found.run("createdb", "dagster")
        yield found


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> TestWorkspace:
    made = make_workspace(tmp_path_factory.mktemp("team") / "workspace")
    shutil.copyfile(ROOT / "deploy" / "dagster.yaml", made.root / "dagster_home" / "dagster.yaml")
    photos = SAMPLE / "photos"
    for name in ("first", "second"):
        made.write_project(name, {"positive/people": photos / "people", "negative/zebras": photos / "animals"})
    return made


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command_of(unit: str, replaced: dict[str, str]) -> list[str]:
    """What a unit file starts, with this machine's paths and ports."""
    (line,) = re.findall(r"^ExecStart=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    words = shlex.split(line)
    assert words[0].startswith("/srv/dlf/.venv/bin/")
    words[0] = str(Path(sys.executable).parent / Path(words[0]).name)
    return [replaced.get(word, word) for word in words]


@contextlib.contextmanager
def services(workspace: TestWorkspace, cluster: Cluster) -> Iterator[Ui]:
    """All three, until they are stopped as systemd stops them."""
    code, web = free_port(), free_port()
    described = (ROOT / "deploy" / "workspace.yaml").read_text()
    assert "port: 4266" in described
    file = workspace.root / "workspace.yaml"
    file.write_text(described.replace("port: 4266", f"port: {code}"))
    replaced = {"4266": str(code), "3000": str(web), "/srv/dlf/deploy/workspace.yaml": str(file)}
    env = workspace.env | {"DLF_POSTGRES_URL": cluster.url("dagster")}
    log = workspace.root / "services.log"
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("a"))
        for unit in ("dlf-code.service", "dlf-webserver.service", "dlf-daemon.service"):
            process = subprocess.Popen(
                command_of(unit, replaced), cwd=workspace.root, env=env, stdout=output, stderr=output
            )
            stack.callback(_stopped, process)
        ui = Ui(f"http://127.0.0.1:{web}", workspace, log)
        ui.until("the code location is loaded", lambda: len(ui.keys("first")) == 2, 120)
        yield ui


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def test_two_backfills_at_once_end_green_and_a_restored_backup_knows_them(
    workspace: TestWorkspace, cluster: Cluster, tmp_path: Path
) -> None:
    env = workspace.env | {"DLF_POSTGRES_URL": cluster.url("dagster")}
    with services(workspace, cluster) as ui:
        assert httpx.get(f"{ui.url}/server_info", timeout=30).status_code == 200
        keys = {name: ui.keys(name) for name in ("first", "second")}
        ids = [ui.launch(keys[name]) for name in keys]
        assert [ui.ended(one) for one in ids] == ["COMPLETED_SUCCESS"] * 2
        made = {key: ui.metadata("reviewed_boxes", key) for found in keys.values() for key in found}
        assert all(made.values())
        alive = [str(Path(sys.executable).parent / "dagster-daemon"), "liveness-check"]
        assert subprocess.run(alive, env=env, check=False, capture_output=True, timeout=60).returncode == 0
    assert not PROBLEMS.search(ui.log.read_text())
    assert not re.search(
        r"^.*(?:PANIC|deadlock|lock timeout|too many clients|transaction is aborted).*$",
        cluster.log.read_text(),
        re.MULTILINE,
    )

    # docs/operations.md: saved, lost, restored.
    saved = tmp_path / "dagster.dump"
    cluster.run("pg_dump", "--format", "custom", "--file", str(saved), "dagster")
    cluster.run("dropdb", "dagster")
    cluster.run("createdb", "dagster")
    cluster.run("pg_restore", "--dbname", "dagster", str(saved))
    with services(workspace, cluster) as ui:
        assert {key: ui.metadata("reviewed_boxes", key) for key in made} == made
        assert ui.backfill(keys["first"]) == "COMPLETED_SUCCESS"
        again = ui.metadata("labeled_boxes", keys["first"][0])
        assert again is not None
        assert again["computed"] == 0
