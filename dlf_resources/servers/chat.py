"""The OpenAI chat protocol with an image: mlx_vlm.server, vLLM, LM Studio, and paid endpoints behind a key.

https://platform.openai.com/docs/api-reference/chat; what mlx_vlm.server does differently stands beside the code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_core.project import Project
from dlf_core.usage import Usage
from dlf_resources.picture import Encoded, Picture
from dlf_resources.servers.addresses import QWEN_MODEL, Address, qwen_model
from dlf_resources.servers.client import INFO_SECONDS, Body, ServerClient
from dlf_resources.servers.probe import probe_picture
from dlf_resources.servers.replies import Reply, cut, named

MAX_IN_FLIGHT = 16
REQUEST_SECONDS = 120.0
IMAGE_SECONDS = 600.0
# What a Qwen2.5-VL sees at 1,280 visual tokens of 28 × 28 pixels, the upper end its authors recommend.
MAX_PIXELS = 1_003_520
# mlx_vlm.server gives as many as it was started for (`--top-logprobs-k`), OpenAI and vLLM up to 20.
TOP_LOGPROBS = 5
_REPEATED = re.compile(r"""["'](?:top_)?logprobs["']\s*:\s*\w+""")
_PICTURE = "\x00picture\x00"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its text, and of its first token the alternatives (token → log-probability), where told."""

    text: str
    alternatives: dict[str, float]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked along with a picture.

    Attributes:
        prompt: the question.
        max_tokens: length of the answer.
        schema: a JSON schema the answer must follow; only for servers that can (`ChatServer.follows_schemas`).
    """

    prompt: str
    max_tokens: int
    schema: str | None = None


class ChatServer:
    """One OpenAI-compatible server and the model it is asked for.

    Args:
        address: where it is.
        model: the name to send; checked against what the server serves, before anything else is sent.
        chosen: whether the user chose the model, or it is the default.
        max_pixels: pictures with more pixels are shrunk before they are sent.
        max_in_flight, request_seconds, image_seconds: see `ServerClient`.
    """

    def __init__(
        self,
        address: Address,
        model: str,
        *,
        chosen: bool,
        max_pixels: int,
        max_in_flight: int,
        request_seconds: float,
        image_seconds: float,
    ):
        self.address = address
        self.model = model
        self.client = ServerClient(
            address,
            max_in_flight=max_in_flight,
            request_seconds=request_seconds,
            image_seconds=image_seconds,
            alive=self.probe,
        )
        self.max_pixels = max_pixels
        self._chosen = chosen
        self._logprobs = True
        self._frames: dict[tuple[Wish, bool], tuple[bytes, bytes]] = {}

    @property
    def usage(self) -> Usage:
        """What was asked so far."""
        return self.client.usage

    def cut(self, text: str) -> str:
        """A model's text, made fit to be stored."""
        return cut(text, self.address.key)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Within it, questions may be asked.

        Raises:
            BackendUnavailable: nobody there, or another model.
        """
        async with self.client.connected():
            await self.check_model()
            yield

    async def models(self) -> list[str] | None:
        """The names the server answers to, None when it does not tell.

        mlx_vlm.server also lists models that lie on its disk, with `loaded: false`; those are left out.
        """
        try:
            reply = await self.client.send("GET", "/v1/models", tries=2, seconds=INFO_SECONDS)
        except BackendError as error:
            if error.status in (404, 405):
                return None
            raise
        listed = reply.json(self.client.name).get("data")
        if not isinstance(listed, list):
            return None
        entries = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
        return [entry["id"] for entry in entries if entry.get("loaded", True)]

    async def check_model(self) -> None:
        """Make sure that the server serves the model: to an unknown name mlx_vlm.server unloads what it has.

        Raises:
            BackendUnavailable: it does not; the sentence names what it serves.
        """
        served = await self.models()
        if served is None or self.model in served:
            return
        if not served:
            raise BackendUnavailable(f"{self.client.name} has no model loaded; {self.address.start}.")
        names = [f"'{named(name, self.address.key)}'" for name in served[:5]]
        shown = ", ".join(names) + (", …" if len(served) > 5 else "")
        why = "QWEN_MODEL_PATH names" if self._chosen else "QWEN_MODEL_PATH is not set, and the default is"
        raise BackendUnavailable(
            f"{self.client.name} serves {shown}; {why} '{self.model}'. Set QWEN_MODEL_PATH to a model that it serves, "
            "or start a server with the other one: `dlf serve-vlm`."
        )

    async def ask(self, picture: Picture, wish: Wish) -> Said:
        """Ask about a picture.

        Raises:
            BackendError: no answer; one sentence.
            ImageRejected: the file is damaged.
        """
        return await self.ask_sized(picture, wish, [])

    async def ask_sized(self, picture: Picture, wish: Wish, size: list[int]) -> Said:
        """`ask`, which puts width and height of the picture as sent into `size`."""

        logprobs = self._logprobs
        try:
            return await self._ask(picture, wish, size, logprobs)
        except BackendError as refused:
            # Some servers repeat the request in their error, and that holds the word too.
            told = _REPEATED.sub("", str(refused)).casefold()
            if not logprobs or refused.status not in (400, 422) or "logprob" not in told:
                raise
        # Perhaps the server refuses the very question for them; it does if it answers without.
        said = await self._ask(picture, wish, size, False)
        self._logprobs = False
        return said

    async def _ask(self, picture: Picture, wish: Wish, size: list[int], logprobs: bool) -> Said:
        def build() -> Body:
            encoded = picture.encoded(self.max_pixels)
            size[:] = encoded.width, encoded.height
            return self._body(encoded, wish, logprobs)

        return await self.client.post("/v1/chat/completions", lambda: asyncio.to_thread(build), self._said)

    async def probe(self) -> Said:
        """Ask about a picture that the server must be able to read, once.

        Raises:
            BackendError: no answer.
        """
        encoded = await asyncio.to_thread(probe_picture().encoded, self.max_pixels)
        wish = Wish("Is this picture red? Answer with exactly one word: YES or NO.", 1)
        path, logprobs = "/v1/chat/completions", self._logprobs
        try:
            return self._said(await self.client.send("POST", path, self._body(encoded, wish, logprobs), tries=1))
        except BackendError as refused:
            if not logprobs or refused.status not in (400, 422):
                raise
        return self._said(await self.client.send("POST", path, self._body(encoded, wish, False), tries=1))

    async def follows_schemas(self) -> bool:
        """Whether the server keeps an answer to a JSON schema: asked once, without a picture.

        mlx_vlm.server needs Metal for it and answers 500 without.
        """
        wish = Wish("Answer with an empty list.", 8, schema='{"type": "array", "items": {"type": "integer"}}')
        body = self._request([{"type": "text", "text": wish.prompt}], wish, self._logprobs)
        try:
            reply = await self.client.send(
                "POST", "/v1/chat/completions", Body(json.dumps(body).encode()), tries=1, seconds=30
            )
            json.loads(self._said(reply).text)
        except BackendUnavailable:
            raise
        except (BackendError, ValueError):
            return False
        return True

    def _body(self, encoded: Encoded, wish: Wish, logprobs: bool) -> Body:
        """The request; its text around the picture is put together once a question, not once a picture."""
        key = wish, logprobs
        if key not in self._frames:
            image = {"type": "image_url", "image_url": {"url": _PICTURE}}
            written = json.dumps(self._request([image, {"type": "text", "text": wish.prompt}], wish, logprobs))
            opening, closing = written.split(json.dumps(_PICTURE)[1:-1])
            self._frames[key] = opening.encode(), closing.encode()
        before, after = self._frames[key]
        url = b"data:" + encoded.media_type.encode() + b";base64,"
        return Body(b"".join((before, url, base64.b64encode(encoded.content), after)))

    def _request(self, content: list[dict[str, Any]], wish: Wish, logprobs: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": wish.max_tokens,
            "temperature": 0.0,
            "stream": False,
        }
        if logprobs:
            # Of every request, also where they are not read: mlx_vlm.server computes a batch as its first request
            # wants it, and a request among others that do without gets none.
            request |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        if wish.schema is not None:
            schema = {"name": "answer", "strict": True, "schema": json.loads(wish.schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        return request

    def _said(self, reply: Reply) -> Said:
        said = reply.json(self.client.name)
        usage = said.get("usage")
        counted = usage if isinstance(usage, dict) else {}
        self.usage.input_tokens += _count(counted.get("prompt_tokens", counted.get("input_tokens")))
        self.usage.output_tokens += _count(counted.get("completion_tokens", counted.get("output_tokens")))
        try:
            choice = said["choices"][0]
            content = choice["message"]["content"]
        except (KeyError, IndexError, TypeError):
            raise BackendError(f"{self.client.name} answered without a message: {reply.cut()}") from None
        if isinstance(content, list):
            parts = (part.get("text") for part in content if isinstance(part, dict))
            content = "".join(part for part in parts if isinstance(part, str))
        return Said(content if isinstance(content, str) else "", _alternatives(choice))


def _alternatives(choice: dict[str, Any]) -> dict[str, float]:
    """Token → log-probability for the first token; empty when the server gives none."""
    try:
        first = choice["logprobs"]["content"][0]
        # Without `--top-logprobs-k` mlx_vlm.server gives an empty list, and a log-probability that means nothing.
        listed = [*(first.get("top_logprobs") or [])]
    except (KeyError, IndexError, TypeError, AttributeError):
        return {}
    found: dict[str, float] = {}
    for entry in listed:
        if isinstance(entry, dict) and isinstance(entry.get("logprob"), (int, float)):
            with contextlib.suppress(OverflowError):
                found[str(entry.get("token"))] = float(entry["logprob"])
    return found


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def chat_server(project: Project, address: Address) -> ChatServer:
    """A server of `QWEN_URL`, paced as the project says."""
    chosen, paced = qwen_model(), project.server("qwen")
    return ChatServer(
        address,
        chosen or QWEN_MODEL,
        chosen=chosen is not None,
        max_pixels=paced.max_pixels or MAX_PIXELS,
        max_in_flight=paced.max_in_flight or MAX_IN_FLIGHT,
        request_seconds=paced.request_seconds or REQUEST_SECONDS,
        image_seconds=paced.image_seconds or IMAGE_SECONDS,
    )
