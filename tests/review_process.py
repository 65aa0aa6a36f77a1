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
from workspaces import ROOT


@dataclass
class Server:
    """A server that runs."""

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
            assert process.stdout is not None
            lines = ""
            while not lines.rstrip().endswith("}"):
                line = process.stdout.readline()
                assert line, f"it ended with {process.wait()}"
                lines += line
            start = httpx.URL(json.loads(lines)["address"])
            url = f"{start.scheme}://{start.host}:{start.port}"
            if cookie is None:
                answer = httpx.get(start, headers={"Origin": url})
                assert answer.status_code == 303, answer.text
                cookie = dict(answer.cookies)
            yield Server(process, url, cookie)
        finally:
            process.kill()
