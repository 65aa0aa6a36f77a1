"""Where the model servers are: environment variables, so that no project file can send a key to a stranger."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dlf_core.errors import BackendUnavailable

QWEN_MODEL = "mlx-community/Qwen2.5-VL-3B-Instruct-4bit"
FALCON_MODEL = "tiiuae/Falcon-Perception"


@dataclass(frozen=True, slots=True)
class Address:
    """A model server.

    Attributes:
        backend: name of the backend that asks it.
        url: without a slash at its end.
        variable: the environment variable that moves it.
        start: how to start a server there, as the end of a sentence.
        key: sent as a bearer token; never shown.
    """

    backend: str
    url: str
    variable: str
    start: str
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """A key as it is read from a file may end with its line.

        Raises:
            BackendUnavailable: it holds what no header may hold.
        """
        key = (self.key or "").strip()
        if not (key.isascii() and key.isprintable()):
            raise BackendUnavailable(f"the key for {self.backend} holds characters that no key has; set it anew.")
        object.__setattr__(self, "key", key or None)

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def proxy(self) -> str | None:
        """The proxy of the environment for this address, none for this machine. Nothing else is taken from there."""
        parts = urlsplit(self.url)
        if self.local or proxy_bypass(parts.netloc):
            return None
        return getproxies().get(parts.scheme)

    @property
    def port(self) -> int:
        """The port in the URL, or the scheme's."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


def qwen_address() -> Address:
    """`QWEN_URL`, with `QWEN_API_KEY`: any OpenAI-compatible server. A `/v1` at the end of the URL is left out."""
    url = _url("QWEN_URL", "http://localhost:8291").removesuffix("/v1")
    start = "start one with `dlf serve-vlm`, or set QWEN_URL to where it runs"
    return Address("qwen", url, "QWEN_URL", start, os.environ.get("QWEN_API_KEY"))


def qwen_model() -> str | None:
    """`QWEN_MODEL_PATH`: the model asked for; None when the user left the choice to the server."""
    model = os.environ.get("QWEN_MODEL_PATH") or None
    return str(Path(model).expanduser()) if model and model.startswith("~") else model


def gemma_address() -> Address:
    """`GEMMA_URL`: mac_tensor."""
    start = (
        "start it with `mac-tensor ui --vision --port 8500`, set GEMMA_URL to where it runs, or use `--backend qwen`"
    )
    return Address("gemma", _url("GEMMA_URL", "http://localhost:8500"), "GEMMA_URL", start)


def falcon_address() -> Address:
    """`FALCON_URL`, else `GEMMA_URL`: mac_tensor with Falcon, or falcon-perception's own server."""
    variable = "FALCON_URL" if os.environ.get("FALCON_URL") else "GEMMA_URL"
    start = (
        "start one with `python -m falcon_perception.server --config.host 127.0.0.1 --config.port 8500` (GPU) or "
        "`mac-tensor ui --vision --falcon --falcon-model DIR --port 8500`, set FALCON_URL to where it runs, or use "
        "`--backend falcon-mlx` (in this process)"
    )
    # The page of 0.1 wanted the whole address of the route.
    url = _url(variable, "http://localhost:8500").removesuffix("/api/falcon")
    return Address("falcon", url, variable, start)


def falcon_model() -> str:
    """`FALCON_MODEL_PATH`: the checkpoint of `falcon-mlx`, a folder or a Hugging Face id."""
    return os.environ.get("FALCON_MODEL_PATH") or FALCON_MODEL


def _url(variable: str, default: str) -> str:
    url = (os.environ.get(variable) or default).strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits, parts = False, urlsplit("")
    plain = not (parts.query or parts.fragment or any(character.isspace() for character in url))
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or not plain:
        raise BackendUnavailable(f"{variable} is no address of a server; write it like {default}.")
    if parts.username or parts.password:
        hint = "; put the key into QWEN_API_KEY" if variable == "QWEN_URL" else ""
        raise BackendUnavailable(f"{variable} holds a user name or password{hint}; write it like {default}.")
    return url
