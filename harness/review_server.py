"""The review server as `dlf review` starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """A server that runs, and the cookie of whoever has opened its start address."""

    process: subprocess.Popen[str]
    url: str
    cookie: dict[str, str]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, cookies=self.cookie, headers={"Origin": self.url}, timeout=30)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(
    project: Path,
    *,
    env: Mapping[str, str] | None = None,
    cookie: dict[str, str] | None = None,
    port: int = 0,
    cwd: Path = ROOT,
) -> Iterator[Server]:
    """A server of its own; with the cookie of an earlier one of the same port, nobody has to come in anew.

    What lies in `cwd` is what runs: elsewhere than in the checkout, what is installed.
    """
    command = [sys.executable, "-m", "dlf_assets.cli.main", "review", "--project", str(project), "--no-open"]
    home = str(project.parent.parent)
    env = env or os.environ | {"DLF_HOME": home, "DAGSTER_HOME": home}
    with subprocess.Popen(
        [*command, "--port", str(port), "--json"], cwd=cwd, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            start = _address(process)
            url = f"{start.scheme}://{start.host}:{start.port}"
            yield Server(process, url, _entered(start, url) if cookie is None else cookie)
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> httpx.URL:
    """Where it says that it begins."""
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"dlf review ended with code {process.wait()}.")
        told += line
    return httpx.URL(json.loads(told)["address"])


def _entered(start: httpx.URL, url: str) -> dict[str, str]:
    answer = httpx.get(start, headers={"Origin": url})
    assert answer.status_code == 303, answer.text
    return dict(answer.cookies)
