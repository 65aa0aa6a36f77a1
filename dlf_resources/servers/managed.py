"""mlx_vlm.server as a child of this process: safe settings, watched until it has its model, stopped with it.

`dlf serve-vlm` runs one in the foreground; a project with `backends: {manage: true}` gets one for its runs, by a lease
(`leases.py`).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from dlf_core.errors import BackendUnavailable
from dlf_resources.servers.chat import TOP_LOGPROBS
from dlf_resources.servers.downloads import downloaded_bytes
from dlf_resources.servers.replies import cut
from dlf_resources.workspace import Workspace

INSTALL = "pip install 'data-label-factory[mlx]'"
HOST = "127.0.0.1"
# A first start may have to fetch gigabytes.
WAIT_SECONDS = 3600.0
_INHERITED = re.compile(
    r"(?:PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|TZ|TMPDIR|VIRTUAL_ENV|HF_\w+|HUGGINGFACE_HUB_\w+|TRANSFORMERS_\w+"
    r"|TOKENIZERS_PARALLELISM|MLX_\w+|METAL_\w+|OMP_\w+|XDG_\w+|LC_\w+|PYTHON\w+|LD_LIBRARY_PATH|DYLD_\w+"
    r"|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?i:https?_proxy|no_proxy|all_proxy))$"
)
# The last line of a traceback.
_CAUSE = re.compile(r"^[\w.]*(?:Error|Exception)\b(?:: .*)?$")
_UNINTERESTING = re.compile(r"^\s*$|^INFO:|HTTP Request|warn", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server is started.

    Attributes:
        model: a folder or a Hugging Face id; the server answers to exactly this name.
        port: on loopback.
        max_num_seqs: answers it works on at once.
        top_logprobs: alternatives it gives for a token.
        key: clients must send it, when there is one.
    """

    model: str
    port: int
    max_num_seqs: int = field(default_factory=lambda: sequences_for(memory_bytes()))
    top_logprobs: int = TOP_LOGPROBS
    key: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it will answer."""
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        """The command line. The key is not on it: every user of the machine can read that."""
        options = ["--max-num-seqs", str(self.max_num_seqs), "--top-logprobs-k", str(self.top_logprobs)]
        address = ["--host", HOST, "--port", str(self.port)]
        return [sys.executable, "-P", "-m", "mlx_vlm.server", "--model", self.model, *address, *options]

    def environment(self) -> dict[str, str]:
        """Of this process's environment what a model server needs, and none of its other secrets."""
        kept = {name: value for name, value in os.environ.items() if _INHERITED.match(name)}
        if self.key:
            kept["MLX_VLM_SERVER_API_KEY"] = self.key
        if sys.platform != "darwin":
            kept["MLX_DISABLE_COMPILE"] = "1"  # without Metal, compiling each kernel takes longer than using it
        return kept


def memory_bytes() -> int:
    """Memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def sequences_for(memory: int) -> int:
    """Answers to work on at once: one for every 2 GB, 8 on a 16 GB Mac, at most 32 (mlx_vlm.server's own limit)."""
    return max(1, min(32, round(memory / 1e9) // 2))


class ManagedServer:
    """One server process.

    Args:
        settings: how it is started.
        log: where it writes.
    """

    def __init__(self, settings: ServerSettings, log: Path | None = None):
        self.settings = settings
        self.log = log or Workspace.find().dagster_home / "logs" / f"serve-vlm-{settings.port}.log"
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._keeper is not None and self._keeper.poll() is None

    def start(
        self,
        told: Callable[[str], None] = lambda _: None,
        wait_seconds: float = WAIT_SECONDS,
        stop: threading.Event | None = None,
    ) -> None:
        """Start it and wait until it has its model.

        Args:
            told: hears, about once a second, what it is doing.
            wait_seconds: after this it is given up.
            stop: set when nobody waits for it any more.

        Raises:
            BackendUnavailable: it cannot be started; the sentence says why.
        """
        check_installed()
        model = self.settings.model
        if model.startswith(("/", "./", "../", "~")) and not Path(model).is_dir():
            raise BackendUnavailable(f"'{model}' is no folder; give --model or QWEN_MODEL_PATH a checkpoint's folder.")
        if taken_by := who_listens(self.settings.port, self.settings.key):
            raise BackendUnavailable(
                f"port {self.settings.port} of {HOST} is taken already, by {taken_by}; stop that, or choose another "
                "with --port or QWEN_URL."
            )
        keeper = [sys.executable, "-P", "-m", "dlf_resources.servers.keeper", str(self.log)]
        # Its standard input is the leash: it closes with this process, however that ends.
        self._keeper = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [*keeper, *self.settings.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.settings.environment(),
            start_new_session=True,
        )
        try:
            self._wait(told, wait_seconds, stop or threading.Event())
        except BaseException:
            self.stop()
            raise

    def wait(self) -> int:
        """Wait until it ends by itself; its exit status."""
        return self._keeper.wait() if self._keeper else 0

    def stop(self) -> None:
        """End it; returns when it is gone."""
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()
        self._keeper = None

    def last_words(self) -> str:
        """The end of its log, in one line."""
        try:
            lines = self.log.read_bytes()[-20_000:].decode("utf-8", "replace").splitlines()
        except OSError:
            return "nothing was logged"
        causes = [line for line in lines if _CAUSE.match(line)]
        telling = [line for line in lines if not _UNINTERESTING.search(line)]
        return cut((causes or telling or lines or ["nothing was logged"])[-1], self.settings.key)

    def _wait(self, told: Callable[[str], None], wait_seconds: float, stop: threading.Event) -> None:
        began = time.monotonic()
        before = downloaded_bytes(self.settings.model)
        while time.monotonic() < began + wait_seconds:
            if not self.running:
                said = self.last_words().rpartition("Failed to load model: ")[2]
                text = f"mlx_vlm.server could not start with '{self.settings.model}': {said} (its log: {self.log})"
                raise BackendUnavailable(text)
            if loaded_model(self.settings.port, self.settings.key) == self.settings.model:
                return
            if stop.wait(0.25):
                raise BackendUnavailable("mlx_vlm.server was stopped while it started.")
            fetched = downloaded_bytes(self.settings.model) - before
            doing = f"downloading {self.settings.model}: {fetched / 1e9:.2f} GB" if fetched else "loading the model"
            told(f"{doing} ({time.monotonic() - began:.0f} s)")
        raise BackendUnavailable(f"mlx_vlm.server had no model after {wait_seconds:.0f} s (its log: {self.log})")


def check_installed() -> None:
    """Whether mlx-vlm is there.

    Raises:
        BackendUnavailable: it is not.
    """
    if find_spec("mlx_vlm") is None:
        raise BackendUnavailable(f"mlx_vlm.server is not installed; install it with: {INSTALL}")


def loaded_model(port: int, key: str | None) -> str | None:
    """The model of a server on loopback; None when nobody answers or none is loaded."""
    request = urllib.request.Request(f"http://{HOST}:{port}/health")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with _NO_PROXY.open(request, timeout=5) as reply:
            said = json.loads(reply.read(65536))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    model = said.get("loaded_model") if isinstance(said, dict) else None
    return model if isinstance(model, str) else None


def who_listens(port: int, key: str | None) -> str | None:
    """Who has a port of loopback, in words; None when it is free."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((HOST, port)) != 0:
            return None
    model = loaded_model(port, key)
    return f"a server of '{model}'" if model else "another program"


_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
