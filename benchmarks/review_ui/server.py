"""`dlf review` as a process of its own, on the projects of a folder."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx


@dataclass(frozen=True)
class Server:
    """A server that runs, and the cookie of whoever has opened its start address."""

    url: str
    cookie: dict[str, str]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, cookies=self.cookie, timeout=60)


@contextlib.contextmanager
def running(root: Path, project: Path) -> Iterator[Server]:
    """A server, until the block ends."""
    command = [sys.executable, "-m", "dlf_assets.cli.main", "review", "--project", str(project)]
    env = os.environ | {"DLF_HOME": str(root), "DAGSTER_HOME": str(root)}
    with subprocess.Popen(
        [*command, "--no-open", "--json", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _entered(process)
        finally:
            process.kill()


def _entered(process: subprocess.Popen[str]) -> Server:
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"dlf review ended with code {process.wait()}.")
        told += line
    start = json.loads(told)["address"]
    parts = urlsplit(start)
    return Server(f"{parts.scheme}://{parts.netloc}", dict(httpx.get(start).cookies))
