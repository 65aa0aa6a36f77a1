"""The review server as a process: on loopback, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import uvicorn

from dlf_core.errors import FactoryError
from dlf_resources.projects import Projects
from review_ui.app import STATIC, Settings, create_app, hosts_of
from review_ui.auth import START, Session

HOST = "127.0.0.1"
_GRACE_SECONDS = 3


def serve(projects: Projects, port: int, *, onward: str, sessions: Path, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        projects: YAMLs whose data is shown.
        port: 0: any that is free.
        onward: path of the page that is opened first.
        sessions: keeps what tells cookies of ours.
        ready: is told the start address, which works once, as soon as the server answers.

    Raises:
        FactoryError: the port is taken, or the page is not built.
    """
    if not (STATIC / "index.html").is_file():
        raise FactoryError("the review page is not built; run `make page` in the checkout (a wheel brings it built).")
    listening = _listening(port)
    port = listening.getsockname()[1]
    session = Session(port, sessions)
    app = create_app(Settings(projects, session, hosts_of(port)))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS, server_header=False)
    address = f"http://{HOST}:{port}{START}?{urlencode({'token': session.token, 'to': onward})}"
    server = _Server(config, lambda: ready(address))
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]):
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise FactoryError(f"port {port} cannot be used ({error.strerror or error}); choose another --port.") from None
    return listening
