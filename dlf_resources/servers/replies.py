"""What servers answer, made fit to be shown and stored: short, one line, no image, no key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from dlf_core.errors import BackendError

LONGEST = 300
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*,[^\s\"'<>)]*", re.IGNORECASE)
# A run of 60 characters of base64 is a picture or a key, and no word.
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]{60,}")
_TRACEBACK = re.compile(r"Traceback \(most recent call last\).*", re.DOTALL)
# "A car key attached to a ring" is none: after a word of English a key holds a digit.
_KEYS = re.compile(
    r"\b(?:(?:sk|hf|rpa)[-_][A-Za-z0-9._-]{8,}|(?:key|Bearer)[-_ =:]+(?=[A-Za-z._-]*\d)[A-Za-z0-9._-]{8,})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with status 200.

    Attributes:
        content: its body.
        media_type: what it says it is.
        secret: the key that was sent, left out of everything that is said about the answer.
    """

    content: bytes
    media_type: str
    secret: str | None = field(default=None, repr=False)

    def cut(self, text: bytes | str | None = None) -> str:
        """The body, or a part of it, made fit to be shown."""
        return cut(self.content if text is None else text, self.secret)

    def json(self, server: str) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            BackendError: it is none.
        """
        try:
            said = json.loads(self.content)
        except (ValueError, RecursionError):
            text = f"{server} answered no JSON but {self.media_type or 'something without a type'}: "
            raise BackendError(text + (self.cut() or "nothing")) from None
        if not isinstance(said, dict):
            raise BackendError(f"{server} answered JSON that is no object: {self.cut()}")
        return said


def cut(content: bytes | str, secret: str | None = None) -> str:
    """A body as at most 300 characters on one line, pictures, keys and tracebacks left out.

    A JSON error is reduced to its message (`detail`, `error`, `message`).
    """
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    text = _message(text) or text
    if secret:
        text = text.replace(secret, "[key]")
    text = _DATA_URL.sub("[image]", text)
    text = _TRACEBACK.sub("[traceback]", text)
    text = _BASE64.sub("[…]", text)
    text = _KEYS.sub("[key]", text)
    text = " ".join(re.sub(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\U0010ffff]+", " ", text).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def named(name: str, secret: str | None = None, longest: int = 80) -> str:
    """A name that a server gave, on one line; of a long one its beginning and its end.

    Paths of models are names, too, and longer than what `cut` takes for a picture.
    """
    text = name.replace(secret, "[key]") if secret else name
    text = _TRACEBACK.sub("[traceback]", _DATA_URL.sub("[image]", text))
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in _KEYS.sub("[key]", text)).split())
    return text if len(text) <= longest else f"{text[: longest // 2 - 1]}…{text[-longest // 2 :]}"


def _message(text: str) -> str | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for key in ("error", "detail", "message"):
        value = said.get(key)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value:
            return value
    return None
