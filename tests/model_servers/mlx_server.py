"""The real mlx_vlm.server on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "MLX_DISABLE_COMPILE": "1"}


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def mlx_server(model: Path, port: int, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server with a model loaded; killed when the context ends, if it still runs."""
    command = [sys.executable, "-m", "mlx_vlm.server", "--model", str(model), "--host", "127.0.0.1"]
    with log.open("ab") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--top-logprobs-k", "5", *options],
            stdout=out,
            stderr=out,
            env=os.environ | ENVIRONMENT,
        )
    try:
        _wait(server, port, log)
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.wait(30)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("mlx_vlm.server did not answer within 60 s: " + log.read_text(errors="replace")[-2000:])
