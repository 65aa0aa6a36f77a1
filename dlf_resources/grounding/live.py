"""Boxes on frames that are looked at once and kept nowhere: a camera in the browser, as fast as answers come.

Whoever answers at `FALCON_URL` is asked: mac_tensor, falcon-perception's own server, or an identify server, which
speaks like mac_tensor and says of each box which of its known things it is.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from dlf_core.boxes import MIN_SIDE
from dlf_core.candidate_states import CandidateState
from dlf_core.errors import BackendError, BackendUnavailable, ImageRejected
from dlf_resources.images import plain_file
from dlf_resources.picture import Encoded
from dlf_resources.servers import falcon_perception, mac_tensor
from dlf_resources.servers.addresses import falcon_addresses
from dlf_resources.servers.client import ServerClient
from dlf_resources.servers.replies import cut

FRAME_SECONDS = 60.0
MAX_PIXELS = 4_000_000
MOST_REFERENCES = 1000
_REFERENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LiveBox:
    """A box on a frame.

    Attributes:
        corners: x1, y1, x2, y2 as fractions of the frame.
        name: which known thing it is, where the server tells; else its label.
        score: of that name.
        confident: whether the server stands by the name.
        reference: id of a picture of that thing, for `LiveGrounding.reference`.
    """

    corners: tuple[float, float, float, float]
    name: str | None = None
    score: float | None = None
    confident: bool | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """The boxes of a frame, and how many seconds the server took."""

    boxes: list[LiveBox] = field(default_factory=list)
    seconds: float = 0.0


class LiveGrounding:
    """Asks the server at `FALCON_URL` about one frame at a time.

    Raises:
        BackendUnavailable: `FALCON_URL` is no address.
    """

    def __init__(self) -> None:
        self.address = falcon_addresses()[0]  # one frame is out at a time
        self._client = ServerClient(
            self.address, max_in_flight=1, request_seconds=FRAME_SECONDS, image_seconds=FRAME_SECONDS
        )
        self._known = False
        self._own_task: str | None = None  # of falcon-perception's own server, if it is that
        self._references: OrderedDict[str, str] = OrderedDict()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[LiveGrounding]:
        """Within it, frames may be asked about."""
        async with self._client.connected():
            yield self

    async def look(self, content: bytes, query: str) -> LiveAnswer:
        """Boxes of what is asked for, on one frame.

        Args:
            content: an upright JPEG, PNG or WebP.
            query: what to look for.

        Raises:
            ImageRejected: it is no such file, or larger than a frame may be.
            BackendUnavailable: nobody answers there.
            BackendError: something else answers there.
        """
        plain = plain_file(content, MAX_PIXELS)
        if plain is None:
            raise ImageRejected(CandidateState.TOO_LARGE, "it is no upright picture of at most four megapixels")
        frame = Encoded(content, plain.media_type, plain.width, plain.height)
        began = time.perf_counter()
        try:
            await self._recognise()
            boxes = await (self._own(frame, query, task) if (task := self._own_task) else self._falcon(frame, query))
        except BackendError:
            self._known = False  # another server may be started there meanwhile
            raise
        return LiveAnswer(boxes, time.perf_counter() - began)

    async def reference(self, reference: str) -> tuple[bytes, str] | None:
        """The picture of a known thing and its media type; None: no answer has named it, or it is no picture.

        Raises:
            BackendError: the server does not give it.
        """
        file = self._references.get(reference)
        if file is None:
            return None
        reply = await self._client.send("GET", f"/refs/{quote(file)}", tries=1, seconds=_REFERENCE_SECONDS)
        plain = plain_file(reply.content, MAX_PIXELS)
        return None if plain is None else (reply.content, plain.media_type)

    async def _recognise(self) -> None:
        """Only falcon-perception's own server answers `/v1/health`; all others are spoken to as mac_tensor is."""
        if self._known:
            return
        self._own_task = None
        try:
            health = await falcon_perception.health(self._client)
        except BackendUnavailable:
            raise
        except BackendError:
            pass
        else:
            self._own_task = health.task
        self._known = True

    async def _own(self, frame: Encoded, query: str, task: str) -> list[LiveBox]:
        body = falcon_perception.request(frame, query, task)
        reply = await self._client.send("POST", "/v1/predictions", body, tries=1)
        found = falcon_perception.boxes(reply, self._client.name, frame).boxes
        return [LiveBox(corners) for one in found if (corners := _within(one.box)) is not None]

    async def _falcon(self, frame: Encoded, query: str) -> list[LiveBox]:
        reply = await self._client.send("POST", "/api/falcon", mac_tensor.form({"query": query}, frame), tries=1)
        found, _ = mac_tensor.falcon_boxes(reply, self._client.name)
        return [self._named(corners, one.said) for one in found if (corners := _within(one.box)) is not None]

    def _named(self, corners: tuple[float, float, float, float], said: dict[str, Any]) -> LiveBox:
        """A box with what an identify server says of it (data-label-factory 0.1, `identify serve`)."""
        name, score, confident = said.get("name") or said.get("label"), said.get("score"), said.get("confident")
        return LiveBox(
            corners,
            cut(str(name))[:80] if name else None,
            float(score) if isinstance(score, int | float) and math.isfinite(score) else None,
            confident if isinstance(confident, bool) else None,
            self._referred(said.get("ref_filename")),
        )

    def _referred(self, file: Any) -> str | None:
        """The id under which a reference picture may be asked for: browsers send ids, never names of files."""
        if not isinstance(file, str) or not file or PurePosixPath(file).name != file:
            return None
        reference = hashlib.sha256(file.encode()).hexdigest()[:32]
        self._references[reference] = file
        self._references.move_to_end(reference)
        while len(self._references) > MOST_REFERENCES:
            self._references.popitem(last=False)
        return reference


def _within(box: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
    """The part of a box that is inside the frame; None: there is none."""
    x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    # Thinner than this no box of ours is (`reviews.operations`), and nobody would see it.
    return (x1, y1, x2, y2) if min(x2 - x1, y2 - y1) >= MIN_SIDE else None
