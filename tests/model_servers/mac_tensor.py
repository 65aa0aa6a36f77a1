"""mac_tensor on loopback: what it loaded, Falcon's boxes, Gemma's chat about a picture as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from model_servers.loopback import Loopback, Reply, Request, said

INFO, FALCON, CHAT = "/api/info", "/api/falcon", "/api/chat_vision"
# A PNG of a megabyte or more in real life.
ANNOTATED = "data:image/png;base64," + "iVBORw0KGgo" * 2000


class MacTensor(Loopback):
    """See the module's text.

    Attributes:
        vision, falcon: what is loaded.
        boxes: query → corners in [0, 1], of every picture.
        text: Gemma's answer; a token a word.
        sizes: of the pictures that came.
        fields: of the forms that came, without their pictures.
    """

    def __init__(self, *, vision: bool = True, falcon: bool = True) -> None:
        super().__init__()
        self.vision = vision
        self.falcon = falcon
        self.boxes: dict[str, Sequence[Sequence[float]]] = {}
        self.text = "YES"
        self.sizes: list[tuple[int, int]] = []
        self.fields: list[dict[str, str]] = []
        self._lock: asyncio.Lock | None = None

    def good(self, request: Request) -> Reply:
        place = request.method, request.path
        if place == ("GET", INFO):
            loaded = {"vision": self.vision, "falcon": self.falcon}
            return said({"model": "gemma-4", "nodes": [], "allow_write": False, "swarm_leader": False} | loaded)
        if place == ("POST", FALCON):
            return self._falcon(request)
        if place == ("POST", CHAT):
            return self._chat(request)
        return said({"detail": "Not Found"}, 404)

    def _falcon(self, request: Request) -> Reply:
        fields, picture = self._form(request, {"query"})
        if not self.falcon:
            return said({"error": "Falcon Perception is not loaded"}, 400)
        if picture is None:
            return said({"error": "cannot identify image file <_io.BytesIO object>"}, 500)
        return said(falcon_answer(fields["query"], self.boxes.get(fields["query"], [])))

    def _chat(self, request: Request) -> Reply:
        fields, picture = self._form(request, {"message", "max_tokens"})
        self.expect(fields.get("max_tokens", "").isdecimal(), "max_tokens is no number")
        if picture is None:
            return events([{"type": "error", "message": "cannot identify image file"}])
        tokens = [{"type": "token", "text": text} for text in _words(self.text)]
        return events(
            [{"type": "step_start", "step": 1}, *tokens, {"type": "final", "text": self.text}, {"type": "done"}]
        )

    def _form(self, request: Request, wanted: set[str]) -> tuple[dict[str, str], Image.Image | None]:
        kind, _, boundary = request.headers.get("content-type", "").partition("; boundary=")
        self.expect(kind == "multipart/form-data" and boundary, "no multipart form")
        fields: dict[str, str] = {}
        picture: Image.Image | None = None
        first, *parts, last = request.body.split(b"--" + boundary.encode())
        self.expect(first == b"" and last.strip() == b"--", "a form that does not begin or end")
        for part in parts:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            content = content.removesuffix(b"\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            disposition = lines["Content-Disposition"]
            name = disposition.partition('name="')[2].partition('"')[0]
            if name == "image":
                self.expect("filename=" in disposition, "an image that is no file")
                picture = self.picture(content, lines.get("Content-Type"))
            else:
                fields[name] = content.decode()
        self.expect(set(fields) == wanted, f"fields {sorted(fields)}")
        self.fields.append(fields)
        if picture is not None:
            self.sizes.append(picture.size)
        return fields, picture

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:  # one request at a time
            return await super()._answer(reply, writer)


def falcon_answer(query: str, boxes: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """What `POST /api/falcon` says of boxes, sensible or not."""
    masks = [
        {
            "id": number,
            "slot": number,
            "area_fraction": 0.01,
            "centroid_norm": {"x": 0.5, "y": 0.5},
            "bbox_norm": dict(zip(("x1", "y1", "x2", "y2"), box, strict=False)),
            "image_region": "center",
        }
        for number, box in enumerate(boxes)
    ]
    ids = list(range(len(masks)))
    return {
        "query": query,
        "count": len(masks),
        "mask_ids": ids,
        "masks": masks,
        "annotated_image": ANNOTATED,
        "elapsed_seconds": 0.5,
    }


def events(said: Sequence[Mapping[str, Any]]) -> Reply:
    """A stream of server-sent events."""
    content = "".join(f"data: {json.dumps(event)}\n\n" for event in said)
    return Reply(content.encode(), 200, "text/event-stream; charset=utf-8", chunked=True)


def _words(text: str) -> list[str]:
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]
