"""A real HTTPS server on 127.0.0.1 (hypercorn), with HTTP/2 or without, and certificates of an authority of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hypercorn.asyncio
import hypercorn.config
import trustme


@functools.cache
def authority() -> trustme.CA:
    """Signs the certificates of this test run."""
    return trustme.CA()


def trust(folder: Path) -> Path:
    """A file with the authority's certificate, for SSL_CERT_FILE."""
    file = folder / "authority.pem"
    authority().cert_pem.write_to_path(file)
    return file


class _Config(hypercorn.config.Config):
    """Hypercorn's, with certificates for these names."""

    names: tuple[str, ...] = ()

    def create_ssl_context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_alpn_protocols(self.alpn_protocols)
        authority().issue_cert(*self.names).configure_cert(made)
        return made

    @property
    def ssl_enabled(self) -> bool:
        return True


class TLSHost:
    """The server, from `with` to its end. Every path answers with itself, `/slow` after 0.2 s.

    Attributes:
        requests: HTTP version, client's port and path of all that came.
        headers: of the last request.
        bodies, statuses: by path, what is answered instead.

    Args:
        http2: whether it is offered.
        names: whom the certificate is for.
    """

    def __init__(self, http2: bool = True, names: tuple[str, ...] = ("127.0.0.1", "pictures.example")) -> None:
        self.requests: list[tuple[str, int, str]] = []
        self.headers: dict[str, str] = {}
        self.bodies: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        self.statuses: dict[str, int] = {}
        self._names = names
        self._http2 = http2
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listening.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._main, name="tls", daemon=True)
        self._ready = threading.Event()

    @property
    def clients(self) -> set[int]:
        """The ports that requests came from: one for each connection."""
        return {port for _, port, _ in self.requests}

    @property
    def versions(self) -> set[str]:
        return {version for version, _, _ in self.requests}

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # who hangs up early is no news
        self._ended = asyncio.Event()
        config = _Config()
        config.names = self._names
        config.bind = [f"fd://{self._listening.detach()}"]
        config.alpn_protocols = ["h2", "http/1.1"] if self._http2 else ["http/1.1"]
        config.graceful_timeout = config.shutdown_timeout = 0.2
        config.errorlog = None
        self._ready.set()
        await hypercorn.asyncio.serve(self._app, config, shutdown_trigger=self._ended.wait)  # type: ignore[arg-type]

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        self.requests.append((scope["http_version"], scope["client"][1], path))
        self.headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        if path == "/slow":
            await asyncio.sleep(0.2)
        body, headers = self.bodies.get(path, (path.encode(), {}))
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        status = self.statuses.get(path, 200)
        await send({"type": "http.response.start", "status": status, "headers": sent})
        for start in range(0, len(body), 1 << 16):
            piece = body[start : start + (1 << 16)]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
