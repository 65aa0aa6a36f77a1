"""How mlx_vlm.server is started: what is on its command line, what it inherits, and when it is not started at all."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from model_servers import asking
from model_servers.chat import Chat

from dlf_core.errors import BackendUnavailable
from dlf_resources.servers import downloads, leases, managed
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.managed import ManagedServer, ServerSettings, sequences_for

GB = 1_000_000_000


def address(url: str) -> Address:
    return Address("qwen", url, "QWEN_URL", "start one")


def test_it_listens_on_loopback_gives_log_probabilities_and_the_key_is_not_on_its_command_line() -> None:
    settings = ServerSettings("some/model", 8291, max_num_seqs=8, key="sekrit")
    command = " ".join(settings.command())
    assert "--host 127.0.0.1 --port 8291" in command
    assert "--max-num-seqs 8 --top-logprobs-k 5" in command
    assert "sekrit" not in command + repr(settings)
    assert settings.environment()["MLX_VLM_SERVER_API_KEY"] == "sekrit"


def test_it_inherits_no_secret_that_is_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = (
        "R2_SECRET_ACCESS_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "RUNPOD_API_KEY",
        "OPENVERSE_CLIENT_SECRET",
        "QWEN_API_KEY",
    )
    for name in secrets:
        monkeypatch.setenv(name, "sekrit")
    monkeypatch.setenv("HF_TOKEN", "needed to fetch a gated model")
    inherited = ServerSettings("m", 1).environment()
    assert not set(secrets) & set(inherited)
    assert "HF_TOKEN" in inherited


@pytest.mark.parametrize(
    ("memory", "sequences"), [(8 * GB, 4), (17_179_869_184, 8), (64 * GB, 32), (512 * GB, 32), (1, 1)]
)
def test_it_works_on_an_answer_for_every_two_gigabytes(memory: int, sequences: int) -> None:
    assert sequences_for(memory) == sequences


def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "loaded_model", lambda port, key: None)  # not to wait for an answer
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = ManagedServer(ServerSettings("m", taken.getsockname()[1]), tmp_path / "log")
        with pytest.raises(BackendUnavailable, match=r"is taken already, by another program; .* --port or QWEN_URL"):
            server.start()
    assert not server.running


def test_a_server_elsewhere_cannot_be_managed() -> None:
    with (
        pytest.raises(BackendUnavailable, match="starts a server on this machine, and QWEN_URL names"),
        leases.leased(address("http://gpu.example:8291"), "m", lambda _: None),
    ):
        pass


def test_without_mlx_vlm_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(managed, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'data-label-factory\[mlx\]'"):
        ManagedServer(ServerSettings("m", 1), tmp_path / "log").start()


def test_a_server_that_answers_already_is_used_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "loaded_model", lambda port, key: "m")
    monkeypatch.setattr(ManagedServer, "start", lambda *_, **__: pytest.fail("it was started"))
    with leases.leased(address("http://127.0.0.1:8291"), "m", lambda _: None):
        pass


def test_leases_share_a_server_and_the_last_one_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(leases, "loaded_model", lambda port, key: None)
    monkeypatch.setattr(ManagedServer, "running", property(lambda self: True))
    monkeypatch.setattr(ManagedServer, "start", lambda self, *_, **__: told.append("start"))
    monkeypatch.setattr(ManagedServer, "stop", lambda self: told.append("stop"))
    at = address("http://127.0.0.1:8291")
    with leases.leased(at, "m", lambda _: None), leases.leased(at, "m", lambda _: None):
        assert told == ["start"]
    assert told == ["start", "stop"]
    with leases.kept_running():
        for _ in range(3):
            with leases.leased(at, "m", lambda _: None):
                pass
        assert told[2:] == ["start"]
    assert told[2:] == ["start", "stop"]


def test_the_end_of_a_log_tells_the_cause_of_a_traceback_and_no_picture(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('Traceback (most recent call last):\n  File "x"\nOSError: no weights in it\nINFO:     Exiting.\n')
    assert ManagedServer(ServerSettings("m", 1), log).last_words() == "OSError: no weights in it"
    assert ManagedServer(ServerSettings("m", 1), tmp_path / "none").last_words() == "nothing was logged"


def test_what_lies_in_the_cache_of_models_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert downloads.downloaded_bytes("org/name") == 0
    assert not downloads.on_disk("org/name")
    blobs = tmp_path / "hub" / "models--org--name" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a").write_bytes(b"x" * 10)
    (blobs / "b.incomplete").write_bytes(b"x" * 5)
    assert downloads.downloaded_bytes("org/name") == 15
    snapshot = blobs.parent / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert downloads.on_disk("org/name")
    assert downloads.on_disk(str(tmp_path))


def test_health_tells_the_living_and_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlf_core.project import Project
    from dlf_resources.servers.health import BACKENDS, look

    asking.prepare(monkeypatch)
    project = Project(project_name="p", target_object="x", buckets={"x": {}}, falcon_queries=["x"])
    with Chat(logprobs="empty") as server:
        monkeypatch.setenv("QWEN_URL", server.url)
        monkeypatch.setenv("QWEN_MODEL_PATH", next(iter(server.loaded)))
        found = look("qwen", project)
        assert (found.ok, found.logprobs) == (True, False)
        assert "--top-logprobs-k 5" in found.said
        assert found.latency_ms is not None
    gone = look("qwen", project)
    assert not gone.ok
    assert gone.said.endswith("start one with `dlf serve-vlm`, or set QWEN_URL to where it runs")
    monkeypatch.setenv("GEMMA_URL", "nonsense")
    assert "GEMMA_URL is no address" in look("gemma", project).said
    assert set(BACKENDS) == {"embedded", "qwen", "gemma", "falcon", "falcon-mlx"}


def test_nothing_is_started_whose_log_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    started = tmp_path / "started"
    program = f"open({str(started)!r}, 'w').close()"
    log = tmp_path / "file" / "log"
    command = [sys.executable, "-m", "dlf_resources.servers.keeper", str(log), sys.executable, "-c", program]
    done = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, timeout=30, check=False)
    assert done.returncode != 0
    assert not started.exists()


def test_a_start_that_nobody_waits_for_any_more_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerSettings, "command", lambda self: [sys.executable, "-c", "import time; time.sleep(60)"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = ManagedServer(ServerSettings("m", port), tmp_path / "log")
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(BackendUnavailable, match="was stopped while it started"):
        server.start(stop=stop)
    assert time.monotonic() - began < 15
    assert not server.running
