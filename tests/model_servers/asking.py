"""What the tests of model servers share: pictures, no waiting between tries, and what no text of theirs may hold."""

from __future__ import annotations

import base64
import functools
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
import tenacity
from PIL import Image

from dlf_resources.picture import Picture
from dlf_resources.servers import client, pace
from dlf_resources.servers.addresses import Address
from model_servers.loopback import Loopback, Reply, Request, said

VARIABLES = ("QWEN_URL", "QWEN_API_KEY", "QWEN_MODEL_PATH", "GEMMA_URL", "GEMMA_MODEL", "FALCON_URL")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC")
KEY = "sesame-opens-4711"
LONGEST = 400


def prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of the user's, and no waiting before another try."""
    for name in (*VARIABLES, "FALCON_MODEL_PATH", *PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "_BACKOFF", tenacity.wait_none())
    monkeypatch.setattr(pace, "FIRST_PAUSE", 0.0)


@functools.cache
def photo(width: int = 96, height: int = 64, kind: str = "JPEG") -> bytes:
    """A file full of noise, so that no two pieces of it are alike."""
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def picture(width: int = 96, height: int = 64, kind: str = "JPEG") -> Picture:
    return Picture(lambda: photo(width, height, kind))


def assert_fit(texts: Iterable[object], *, longest: int = LONGEST, sent: bytes | None = None) -> None:
    """One line each, short, without the picture, the key or a traceback."""
    written = base64.b64encode(photo() if sent is None else sent).decode()
    for text in map(str, texts):
        assert "\n" not in text
        assert "Traceback" not in text
        assert "data:image" not in text
        assert KEY not in text
        assert not [start for start in range(0, len(written) - 24, 8) if written[start : start + 24] in text]
        assert len(text) <= longest, text
        text.encode()


def address(server: Loopback | str, backend: str = "qwen", *, key: str | None = None) -> Address:
    url = server if isinstance(server, str) else server.url
    return Address(backend, url, f"{backend.upper()}_URL", "start one with `its command`", key)


class Plain(Loopback):
    """Answers everything with what it was sent."""

    def good(self, request: Request) -> Reply:
        return said({"said": request.body.decode("latin-1")})


def number(reply: client.Reply) -> Any:
    """What `Plain` was sent, out of its answer."""
    return json.loads(reply.content)["said"]
