"""Points the real client at the Hub on loopback, in this process and in others.

By Xet, `upload_folder` is another program than without: it uploads while it still lists, and makes several commits.
That is what users have, so the tests of publishing should have it, too; LFS shows better where an upload broke off.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http, _xet
from tenacity import wait_none

from dlf_resources.hub import session
from hub.server import Hub

NO_WAITING = {"HF_XET_CLIENT_RETRY_BASE_DELAY": "1ms"}


def environment(hub: Hub, home: Path, *, by_xet: bool = False) -> dict[str, str]:
    """What a process must find in its environment when it starts; no token is in it."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_HUB_DISABLE_XET": "0" if by_xet else "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    } | NO_WAITING


def point_at(hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch, *, by_xet: bool = False) -> None:
    """The same in this process, where the client has read its environment long ago; and it finds no token."""
    for name, value in environment(hub, home, by_xet=by_xet).items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "PAUSE", wait_none())
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not by_xet)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(home / "stored_tokens"))
    monkeypatch.setattr(_xet, "_GLOBAL_XET_HOLDER", _xet.XetSessionHolder())  # reads its environment when it is made


def without_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's pauses before it tries again take no time; how long they would have been, so far."""
    waited: list[float] = []

    class Clock:
        sleep = staticmethod(waited.append)

    monkeypatch.setattr(_http, "time", Clock)
    monkeypatch.setattr(file_download, "time", Clock)
    return waited
