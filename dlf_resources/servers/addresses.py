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


def qwen_addresses() -> list[Address]:
    """`QWEN_URL`, with `QWEN_API_KEY`: OpenAI-compatible servers. A `/v1` at the end of a URL is left out."""
    start = "start one with `dlf serve-vlm`, or set QWEN_URL to where it runs"
    urls = _urls("QWEN_URL", "http://localhost:8291", "/v1")
    return [Address("qwen", url, "QWEN_URL", start, os.environ.get("QWEN_API_KEY")) for url in urls]


def qwen_address() -> Address:
    """The server of `QWEN_URL`, for whoever starts it.

    Raises:
        BackendUnavailable: there are several.
    """
    address, *others = qwen_addresses()
    if others:
        raise BackendUnavailable("QWEN_URL lists several servers; name the one that is to be started.")
    return address


def qwen_model() -> str | None:
    """`QWEN_MODEL_PATH`: the model asked for; None when the user left the choice to the server."""
    model = os.environ.get("QWEN_MODEL_PATH") or None
    return str(Path(model).expanduser()) if model and model.startswith("~") else model


def gemma_addresses() -> list[Address]:
    """`GEMMA_URL`: mac_tensor, on one machine or several."""
    start = (
        "start it with `mac-tensor ui --vision --port 8500`, set GEMMA_URL to where it runs, or use `--backend qwen`"
    )
    return [Address("gemma", url, "GEMMA_URL", start) for url in _urls("GEMMA_URL", "http://localhost:8500")]


def falcon_addresses() -> list[Address]:
    """`FALCON_URL`, else `GEMMA_URL`: mac_tensor with Falcon, or falcon-perception's own servers."""
    variable = "FALCON_URL" if os.environ.get("FALCON_URL") else "GEMMA_URL"
    start = (
        "start one with `python -m falcon_perception.server --config.host 127.0.0.1 --config.port 8500` (GPU) or "
        "`mac-tensor ui --vision --falcon --falcon-model DIR --port 8500`, set FALCON_URL to where it runs, or use "
        "`--backend falcon-mlx` (in this process)"
    )
    # The page of 0.1 wanted the whole address of the route.
    urls = _urls(variable, "http://localhost:8500", "/api/falcon")
    return [Address("falcon", url, variable, start) for url in urls]


def falcon_model() -> str:
    """`FALCON_MODEL_PATH`: the checkpoint of `falcon-mlx`, a folder or a Hugging Face id."""
    return os.environ.get("FALCON_MODEL_PATH") or FALCON_MODEL


def _urls(variable: str, default: str, ending: str = "") -> list[str]:
    """The servers a variable names, each once, without the ending that some people write."""
    value = os.environ.get(variable) or default
    named = [one for one in value.split(",") if one.strip()] or [value]
    return [*dict.fromkeys(_url(variable, one, default).removesuffix(ending) for one in named)]


def _url(variable: str, named: str, default: str) -> str:
    url = named.strip().rstrip("/")
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
