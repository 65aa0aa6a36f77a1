"""`falcon`: boxes by Falcon Perception behind a server (`FALCON_URL`): mac_tensor, or falcon-perception's own.

Which of the two answers there is found out when the connection is made. Falcon gives no scores.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.grounding.base import Detection, Grounded
from dlf_resources.grounding.repetition import without_repetition
from dlf_resources.picture import Encoded, Picture
from dlf_resources.servers import falcon_perception, mac_tensor
from dlf_resources.servers.addresses import FALCON_MODEL, Address
from dlf_resources.servers.client import Body, ServerClient
from dlf_resources.servers.probe import probe_picture
from dlf_resources.servers.replies import Reply

MAX_IN_FLIGHT = 8
REQUEST_SECONDS = 120.0
IMAGE_SECONDS = 600.0
# Falcon works on sides of at most 1,024 pixels.
MAX_PIXELS = 1_048_576


class FalconServer:
    """See the module's text."""

    name = "falcon"
    model = FALCON_MODEL

    def __init__(self, project: Project, address: Address):
        paced = project.server("falcon")
        self.address = address
        self._masks = project.masks
        self._max_pixels = paced.max_pixels or MAX_PIXELS
        self._client = ServerClient(
            self.address,
            max_in_flight=paced.max_in_flight or MAX_IN_FLIGHT,
            request_seconds=paced.request_seconds or REQUEST_SECONDS,
            image_seconds=paced.image_seconds or IMAGE_SECONDS,
            alive=self.probe,
        )
        self._own_server = False
        self._task = falcon_perception.SEGMENTATION
        self.recognised = ""
        self.window = self._client.window
        self.parameters: Parameters = {"max_pixels": self._max_pixels}
        if self._masks:
            self.parameters["masks"] = 1

    @property
    def usage(self) -> Usage:
        """See `GroundingBackend.usage`."""
        return self._client.usage

    def check(self, queries: Sequence[str]) -> None:
        """Falcon can be asked anything."""

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """See `GroundingBackend.connected`."""
        async with self._client.connected():
            self.recognised = await self._recognise()
            yield

    async def _recognise(self) -> str:
        """Find out who answers, and whether Falcon is loaded there; who it is and what it has, in words.

        Raises:
            BackendUnavailable: nobody, or without Falcon.
        """
        self._own_server = False
        try:
            info = await mac_tensor.info(self._client)
        except BackendUnavailable:
            raise
        except BackendError:
            return await self._recognise_own()
        if not info.falcon:
            raise BackendUnavailable(f"{self._client.name} (mac_tensor) has no Falcon loaded; {self.address.start}.")
        if self._masks:
            raise BackendUnavailable(
                f"{self._client.name} is mac_tensor, which sends no masks; take 'masks: true' out of the YAML, or set "
                "FALCON_URL to falcon-perception's own server."
            )
        return "mac_tensor, Falcon loaded"

    async def _recognise_own(self) -> str:
        try:
            health = await falcon_perception.health(self._client)
        except BackendUnavailable:
            raise
        except BackendError as error:
            raise BackendUnavailable(
                f"{self._client.name} is neither mac_tensor nor falcon-perception's server ({error}) "
                f"{self.address.start[0].upper()}{self.address.start[1:]}."
            ) from None
        self._task = falcon_perception.SEGMENTATION if self._masks else health.task
        if self._task not in health.tasks:
            has = ", ".join(health.tasks)[:80] or "none"
            raise BackendUnavailable(f"{self._client.name} serves {health.model} without {self._task} (it has: {has}).")
        self._own_server = True
        return f"falcon-perception server, {health.model}"

    async def probe(self) -> None:
        """Ask about a picture that the server must be able to read, once.

        Raises:
            BackendError: no answer.
        """
        encoded = await asyncio.to_thread(probe_picture().encoded, self._max_pixels)
        self._read(await self._client.send("POST", self._path, self._body(encoded, "square"), tries=1), encoded)

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """See `GroundingBackend.ground`. Falcon takes one query a request; all of a picture go out together."""
        encoded = await asyncio.to_thread(picture.encoded, self._max_pixels)

        async def one(query: str) -> list[Detection] | Exception:
            try:
                return await self._client.post(
                    self._path,
                    lambda: asyncio.to_thread(self._body, encoded, query),
                    lambda reply: self._read(reply, encoded),
                )
            except BackendError as error:
                return error

        found = await asyncio.gather(*(one(query) for query in queries))
        return dict(zip(queries, found, strict=True))

    @property
    def _path(self) -> str:
        return "/v1/predictions" if self._own_server else "/api/falcon"

    def _body(self, encoded: Encoded, query: str) -> Body:
        if self._own_server:
            return falcon_perception.request(encoded, query, self._task)
        return mac_tensor.form({"query": query}, encoded)

    def _read(self, reply: Reply, encoded: Encoded) -> list[Detection]:
        server = self._client.name
        if self._own_server:
            own = falcon_perception.boxes(reply, server, encoded)
            said = own.said
            found = [Detection(*one.box, None, ScoreKind.NONE, one.mask_rle) for one in own.boxes]
            if not self._masks:
                found = [replace(one, mask_rle=None) for one in found]
        else:
            boxes, said = mac_tensor.falcon_boxes(reply, server)
            found = [Detection(*one.box, None, ScoreKind.NONE) for one in boxes]
        kept = without_repetition(found)
        if said and not kept:
            raise BackendError(f"{server} answered {said} boxes, none of them inside the image.")
        return kept
