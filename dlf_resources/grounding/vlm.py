"""`qwen` for label: the vision-language model behind `QWEN_URL` is asked for boxes in words, `bbox_2d`.

Qwen2.5-VL and Qwen3-VL were trained for it; other models may answer anything. They give no scores.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from dlf_core.errors import BackendError
from dlf_core.grounding_answers import parse_boxes, units_of
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.grounding.base import Detection, Grounded
from dlf_resources.grounding.repetition import without_repetition
from dlf_resources.picture import Picture
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.chat import Wish, chat_server

MAX_TOKENS = 1024
PROMPT = (
    'Locate every {query} in this image. Answer with a JSON list only: [{{"bbox_2d": [x1, y1, x2, y2], "label": '
    '"{query}"}}, …], one entry an object, or [] when there is none.'
)
_SCHEMA = (
    '{"type": "array", "items": {"type": "object", "properties": {"bbox_2d": {"type": "array", "items": {"type": '
    '"number"}, "minItems": 4, "maxItems": 4}, "label": {"type": "string"}}, "required": ["bbox_2d", "label"]}}'
)


class VlmGrounding:
    """See the module's text."""

    name = "qwen"

    def __init__(self, project: Project, address: Address):
        self._server = chat_server(project, address)
        self._schema: str | None = None
        self.model = self._server.model
        self.window = self._server.client.window
        self._units = units_of(self.model)
        self.parameters: Parameters = {
            "max_pixels": self._server.max_pixels,
            "max_tokens": MAX_TOKENS,
            "prompt": PROMPT,
        }

    @property
    def usage(self) -> Usage:
        """See `GroundingBackend.usage`."""
        return self._server.usage

    def check(self, queries: Sequence[str]) -> None:
        """A language model can be asked anything."""

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """See `GroundingBackend.connected`."""
        async with self._server.connected():
            self._schema = _SCHEMA if await self._server.follows_schemas() else None
            yield

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """See `GroundingBackend.ground`."""
        found = await asyncio.gather(*(self._one(picture, query) for query in queries))
        return dict(zip(queries, found, strict=True))

    async def _one(self, picture: Picture, query: str) -> list[Detection] | Exception:
        size: list[int] = []
        wish = Wish(PROMPT.format(query=query), MAX_TOKENS, schema=self._schema)
        try:
            said = await self._server.ask_sized(picture, wish, size)
        except BackendError as error:
            return error
        read = parse_boxes(said.text, self._units, size[0], size[1])
        if not read.understood:
            return BackendError(f"{self.model} answered no list of boxes: {self._server.cut(said.text) or 'nothing'}")
        if read.rejected and not read.boxes:
            said_boxes = f"{self.model} answered {read.rejected} boxes, none of them inside the image"
            return BackendError(f"{said_boxes}: {self._server.cut(said.text)}")
        return without_repetition([Detection(*box, None, ScoreKind.NONE) for box in read.boxes])
