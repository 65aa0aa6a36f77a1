"""mac_tensor's HTTP interface: what it says of itself, Falcon's boxes, and Gemma's chat about a picture.

It works on one request at a time, behind a lock.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from dlf_core.errors import BackendError
from dlf_resources.picture import Encoded
from dlf_resources.servers.client import INFO_SECONDS, Body, ServerClient
from dlf_resources.servers.replies import Reply, cut


@dataclass(frozen=True, slots=True)
class MacTensorInfo:
    """`GET /api/info`: the chat model, and whether it sees and Falcon is loaded."""

    model: str
    vision: bool
    falcon: bool


@dataclass(frozen=True, slots=True)
class FalconBox:
    """A box as fractions of the picture, not yet cut at its border, and all that was said of it, as it came."""

    box: tuple[float, float, float, float]
    said: dict[str, Any]


async def info(client: ServerClient) -> MacTensorInfo:
    """What the server has loaded.

    Raises:
        BackendUnavailable: nobody there.
        BackendError: it is no mac_tensor.
    """
    said = (await client.send("GET", "/api/info", tries=2, seconds=INFO_SECONDS)).json(client.name)
    return MacTensorInfo(cut(str(said.get("model") or "unknown")), bool(said.get("vision")), bool(said.get("falcon")))


def form(fields: dict[str, str], picture: Encoded) -> Body:
    """A multipart form with a picture."""
    ending = picture.media_type.partition("/")[2].replace("jpeg", "jpg")
    content, media_type = encode_multipart_formdata(
        {**fields, "image": (f"image.{ending}", picture.content, picture.media_type)}
    )
    return Body(content, media_type)


def falcon_boxes(reply: Reply, server: str) -> tuple[list[FalconBox], int]:
    """Boxes of an answer to `POST /api/falcon`, and how many it named in all.

    Raises:
        BackendError: the answer has another shape.
    """
    masks = reply.json(server).get("masks")
    if not isinstance(masks, list):
        raise BackendError(f"{server} answered without 'masks': {cut(_without_picture(reply))}")
    found = []
    for mask in masks:
        try:
            norm = mask["bbox_norm"]
            box = float(norm["x1"]), float(norm["y1"]), float(norm["x2"]), float(norm["y2"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if all(map(math.isfinite, box)):
            found.append(FalconBox(box, mask))
    return found, len(masks)


def chat_text(reply: Reply, server: str) -> str:
    """The final text of an answer to `POST /api/chat_vision`: server-sent events, `data: {"type": …}`.

    Raises:
        BackendError: the stream ended early, or says `error`.
    """
    tokens: list[str] = []
    final: str | None = None
    ended = False
    for line in re.split(r"\r\n|\n|\r", reply.content.decode("utf-8", "replace")):
        if not line.startswith("data:"):
            continue
        try:
            event: Any = json.loads(line[len("data:") :])
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        kind, text = event.get("type"), event.get("text") or event.get("message") or ""
        if kind == "error":
            raise BackendError(f"{server} answered with an error: {cut(str(text)) or 'without a word'}")
        if kind == "token":
            tokens.append(str(text))
        if kind == "final":
            final = str(text)
        ended = ended or kind in ("final", "done")
    if not ended:
        raise BackendError(f"{server} broke off its answer before the end ({cut(''.join(tokens)) or 'no text yet'}).")
    return "".join(tokens) if final is None else final


def _without_picture(reply: Reply) -> str:
    said = reply.json("")
    return json.dumps({key: value for key, value in said.items() if key != "annotated_image"})
