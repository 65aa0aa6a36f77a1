"""`gemma`: YES/NO by the vision model of mac_tensor (`GEMMA_URL`). It gives no log-probabilities."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from dlf_core.answers import parse_answer
from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.picture import Picture
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.client import Body, ServerClient
from dlf_resources.servers.mac_tensor import chat_text, form, info
from dlf_resources.servers.probe import probe_picture
from dlf_resources.servers.replies import cut
from dlf_resources.vlm.base import Answer, Question
from dlf_resources.vlm.openai import CROP_PADDING, without_verdict

# It works on one request at a time; a second waits in its place while the first is answered.
MAX_IN_FLIGHT = 2
REQUEST_SECONDS = 90.0
IMAGE_SECONDS = 200.0
MAX_PIXELS = 802_816
MAX_TOKENS = 48
STALL = " (mac_tensor is known to stall on questions like this; `--backend qwen` asks another server)"


class MacTensorVlm:
    """See the module's text."""

    name = "gemma"
    crop_padding = CROP_PADDING

    def __init__(self, project: Project, address: Address):
        paced = project.server("gemma")
        self.address = address
        # Which Gemma it is only the server knows, and a finished bucket asks no server.
        self.model = os.environ.get("GEMMA_MODEL") or "gemma"
        self._max_pixels = paced.max_pixels or MAX_PIXELS
        self.client = ServerClient(
            self.address,
            max_in_flight=paced.max_in_flight or MAX_IN_FLIGHT,
            request_seconds=paced.request_seconds or REQUEST_SECONDS,
            image_seconds=paced.image_seconds or IMAGE_SECONDS,
            alive=self.probe,
            suspicious=2,
            slow_hint=STALL,
        )
        self.window = self.client.window

    @property
    def usage(self) -> Usage:
        """See `VlmBackend.usage`."""
        return self.client.usage

    def parameters(self, stage: str) -> Parameters:
        """See `VlmBackend.parameters`."""
        return {"max_pixels": self._max_pixels, "max_tokens": MAX_TOKENS}

    def check(self, subjects: list[str], stage: str) -> None:
        """A language model can be asked anything."""

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """See `VlmBackend.connected`."""
        async with self.client.connected():
            if not (await info(self.client)).vision:
                raise BackendUnavailable(f"{self.client.name} has no vision model loaded; {self.address.start}.")
            yield

    async def probe(self) -> None:
        """Ask about a picture that the server must be able to read, once.

        Raises:
            BackendError: no answer.
        """
        content = form(
            {"message": "Answer YES or NO: is this red?", "max_tokens": "8"}, probe_picture().encoded(1 << 20)
        )
        chat_text(await self.client.send("POST", "/api/chat_vision", content, tries=1), self.client.name)

    async def ask(self, picture: Picture, question: Question) -> Answer:
        """See `VlmBackend.ask`."""

        def build() -> Body:
            fields = {"message": question.prompt, "max_tokens": str(MAX_TOKENS)}
            return form(fields, picture.encoded(self._max_pixels))

        name = self.client.name
        text = await self.client.post(
            "/api/chat_vision", lambda: asyncio.to_thread(build), lambda reply: chat_text(reply, name)
        )
        said = cut(text)
        reasoning = without_verdict(said) if question.stage == "verify" else None
        return Answer(parse_answer(text), None, ScoreKind.NONE, said, reasoning)
