"""An OpenAI-shaped server on loopback, answering as mlx_vlm.server 0.7.10 does."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from model_servers.loopback import Fault, Loopback, Reply, Request, said

MODELS, COMPLETIONS = "/v1/models", "/v1/chat/completions"
MODEL = "tiny/Qwen2.5-VL-3B-Instruct"
PROMPT_TOKENS, COMPLETION_TOKENS = 400, 2


class Chat(Loopback):
    """See the module's text.

    Attributes:
        loaded: model name → whether it is loaded.
        key: wanted as a bearer token of every request.
        logprobs: `told`; `empty` (started without `--top-logprobs-k`); `null`; `refused` with 400.
        schemas: whether `response_format` is understood; answered 500 otherwise.
        answer: prompt and picture → text.
        p_yes: what the log-probabilities of YES and NO say.
        sizes: of the pictures that came.
        prompts, max_tokens: of the questions about pictures, in order.
        unloaded: whether a question for a strange model made it drop what it had.
    """

    def __init__(
        self,
        loaded: Mapping[str, bool] | None = None,
        *,
        key: str | None = None,
        logprobs: str = "told",
        schemas: bool = True,
    ) -> None:
        super().__init__()
        self.loaded = dict(loaded if loaded is not None else {MODEL: True, "other/on-disk": False})
        self.key = key
        self.logprobs = logprobs
        self.schemas = schemas
        self.answer: Callable[[str, Image.Image], str] = lambda prompt, picture: "YES"
        self.p_yes = 0.9
        self.sizes: list[tuple[int, int]] = []
        self.prompts: list[str] = []
        self.max_tokens: list[int] = []
        self.unloaded = False

    def good(self, request: Request) -> Reply:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return said({"detail": "Invalid API key"}, 401, **{"WWW-Authenticate": "Bearer"})
        place = request.method, request.path
        if place == ("GET", MODELS):
            listed = [
                {"id": name, "object": "model", "created": 1, "loaded": loaded} for name, loaded in self.loaded.items()
            ]
            return said({"object": "list", "data": listed})
        if place == ("POST", COMPLETIONS):
            return self._complete(request)
        return said({"detail": "Not Found"}, 404)

    def _complete(self, request: Request) -> Reply:
        self.expect(request.headers.get("content-type") == "application/json", "no JSON")
        asked = request.json()
        if not self.loaded.get(asked["model"]):
            self.unloaded = True
            self.expect(False, f"the model {asked['model']}")
            return said({"detail": f"Failed to load model {asked['model']}"}, 400)
        self.expect(asked["temperature"] == 0 and asked["stream"] is False, "chance, or a stream")
        self.expect(asked["max_tokens"] >= 1, "no tokens")
        if asked.get("logprobs"):
            if self.logprobs == "refused":
                return said({"error": {"message": "logprobs are not supported by this model", "code": 400}}, 400)
            self.expect(0 <= asked["top_logprobs"] <= 20, "too many alternatives")
        else:
            self.expect(self.logprobs == "refused", "a request without logprobs")
            self.expect("top_logprobs" not in asked, "alternatives without logprobs")
        if "response_format" in asked:
            form = asked["response_format"]
            self.expect(form["type"] == "json_schema" and "schema" in form["json_schema"], "no schema")
            if not self.schemas:
                return said({"detail": "Failed to generate: structured output needs Metal"}, 500)
        (message,) = asked["messages"]
        self.expect(message["role"] == "user", f"the role {message['role']}")
        text = "".join(part["text"] for part in message["content"] if part["type"] == "text")
        urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
        if not urls:
            return said(completion("[]", None))
        self.expect(len(urls) == 1, "two pictures")
        picture = self._data_url(urls[0])
        if picture is None:
            return said({"detail": f"Failed to load image from URL: {urls[0]} with error: cannot identify"}, 500)
        self.sizes.append(picture.size)
        self.prompts.append(text)
        self.max_tokens.append(asked["max_tokens"])
        answer = self.answer(text, picture)
        wanted = asked.get("logprobs") and self.logprobs != "null"
        tops = {"YES": self.p_yes, "NO": 1 - self.p_yes, "Yes": 1e-5} if self.logprobs == "told" else {}
        return said(completion(answer, tops if wanted else None))

    def _data_url(self, url: str) -> Image.Image | None:
        kind, found, content = url.partition(";base64,")
        self.expect(found and kind.startswith("data:image/"), "an image that is no data URL")
        try:
            return self.picture(base64.b64decode(content, validate=True), kind.removeprefix("data:"))
        except binascii.Error:
            self.expect(False, "a data URL that is no base64")
            return None


def completion(text: str | None, tops: Mapping[str, float] | None, **more: Any) -> dict[str, Any]:
    """A chat completion; `tops`: token → probability of the first token, None for a server that tells nothing."""
    logprobs = None
    if tops is not None:
        alternatives = [
            {"token": token, "logprob": math.log(p) if p > 0 else -9999.0, "bytes": [*token.encode()]}
            for token, p in tops.items()
        ]
        first = {"token": "YES", "logprob": -0.1, "bytes": [89, 69, 83], "top_logprobs": alternatives}
        logprobs = {"content": [first]}
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text, "reasoning_content": None, "tool_calls": []},
        "logprobs": logprobs,
    }
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [choice],
        "usage": usage,
    } | more


def boxes(found: Sequence[Sequence[Any]], label: str = "it") -> str:
    """Boxes as Qwen2.5-VL writes them."""
    return json.dumps([{"bbox_2d": list(box), "label": label} for box in found])


def says(text: str | None, tops: Mapping[str, float] | None = None, **more: Any) -> Fault:
    """A good reply with this text."""
    return lambda request, good: said(completion(text, tops, **more))
