"""A model server that thinks for a fixed time and costs next to nothing: what is left is the client's own speed.

Speaks as much HTTP/1.1 as kept-alive POSTs need, and answers like mlx_vlm.server and falcon-perception's server.

    python -m benchmarks.latency_server PORT SECONDS
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import ClassVar

MODEL = "latency"


def _reply(content: object, status: str = "200 OK") -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


def _chat() -> dict[str, object]:
    tops = [{"token": "YES", "logprob": -0.1, "bytes": [89]}, {"token": "NO", "logprob": -2.4, "bytes": [78]}]
    first = {"token": "YES", "logprob": -0.1, "bytes": [89], "top_logprobs": tops}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "YES"}}
    usage = {"prompt_tokens": 400, "completion_tokens": 1, "total_tokens": 401}
    return {
        "id": "1",
        "object": "chat.completion",
        "choices": [choice | {"logprobs": {"content": [first]}}],
        "usage": usage,
    }


def _predictions() -> dict[str, object]:
    mask = {"label": "object 1", "bbox": [100.0, 100.0, 300.0, 300.0], "rle": {}, "height": 480, "width": 640}
    return {"id": "1", "model": "falcon-perception", "masks": [mask], "image_width": 640, "image_height": 480}


class Server(asyncio.Protocol):
    """One connection."""

    seconds = 0.1
    answered = 0
    replies: ClassVar[dict[bytes, bytes]] = {
        b"/v1/chat/completions": _reply(_chat()),
        b"/v1/predictions": _reply(_predictions()),
        b"/v1/models": _reply({"object": "list", "data": [{"id": MODEL, "object": "model", "loaded": True}]}),
        b"/v1/health": _reply({"status": "ready", "model_id": MODEL, "supported_tasks": ["segmentation", "detection"]}),
    }
    missing = _reply({"detail": "Not Found"}, "404 Not Found")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._head = bytearray()
        self._left = -1
        self._path = b""

    def data_received(self, data: bytes) -> None:
        if self._left >= 0:
            self._left -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._head[:end])
            self._path = head.split(b" ", 2)[1]
            place = head.lower().find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            self._left = length - (len(self._head) - end - 4)
            self._head.clear()
        if self._left <= 0:
            self._left = -1
            post = b"completions" in self._path or b"predictions" in self._path
            asyncio.get_running_loop().call_later(self.seconds if post else 0.0, self._answer, self._path, post)

    def _answer(self, path: bytes, counts: bool) -> None:
        if self._transport.is_closing():
            return
        Server.answered += counts
        if path == b"/answered":
            self._transport.write(_reply({"answered": Server.answered, "cpu": time.process_time()}))
            return
        self._transport.write(self.replies.get(path, self.missing))


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


@contextlib.contextmanager
def running(seconds: float) -> Iterator[str]:
    """The server in a process of its own; gives its URL."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", __name__, str(port), str(seconds)], env=os.environ)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/v1/models", timeout=1):
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answered(url: str) -> int:
    """POSTs it has answered."""
    with urllib.request.urlopen(f"{url}/answered", timeout=5) as reply:
        return int(json.loads(reply.read())["answered"])


if __name__ == "__main__":
    Server.seconds = float(sys.argv[2])
    asyncio.run(_serve(int(sys.argv[1])))
