"""JSON from the public services that are searched."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import SourceError, SourceThrottled, Unfetched
from dlf_resources.web.download import Asked, Web
from dlf_resources.web.hosts import HostLimit
from dlf_resources.web.transfers import Response

MOST_BYTES = 16 * 1024 * 1024
_ACCEPT = "Accept: application/json"
_SHORTEST = 3
_TAGS = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)


async def get_json(
    web: Web,
    service: str,
    url: str,
    params: Mapping[str, str | int],
    *,
    headers: tuple[str, ...] = (),
    form: Mapping[str, str] | None = None,
    limit: HostLimit | None = None,
) -> tuple[dict[str, Any], Response]:
    """The object that a service answers, and the answer around it.

    Raises:
        SourceThrottled: the service wants to be asked less.
        SourceRefused: it answered with an error status.
        SourceError: it could not be asked, or what it says is not understood.
    """
    asked = Asked((_ACCEPT, *headers), urlencode(form) if form is not None else None, limit, opt_outs=False)
    address = f"{url}?{urlencode(params)}" if params else url
    try:
        response = await web.get(address, MOST_BYTES, asked)
    except Unfetched as failed:
        if failed.state == CandidateState.THROTTLED:
            raise SourceThrottled(f"{service}: {failed.reason}") from None
        if failed.status is not None:
            raise SourceRefused(f"{service}: {failed.reason}", failed.status) from None
        raise SourceError(f"{service}: {failed.reason}") from None
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        said = plain_text(_without_secrets(response.body[:4000].decode("utf-8", "replace"), headers))[:120]
        if form is not None:
            said = ""  # half a token may be in it
        if "too many requests" in said.lower():  # Wikimedia has been seen to say so with status 200
            web.throttled(url, response)
            raise SourceThrottled(f"{service}: {said}") from None
        raise SourceError(f"{service} answered no JSON but: {said or 'nothing'}") from None
    if not isinstance(found, dict):
        raise SourceError(f"{service} answered JSON that is no object.")
    return found, response


def _without_secrets(said: str, headers: Iterable[str]) -> str:
    """A server may send back what it was sent."""
    sent = [word for line in headers for word in line.split()[1:]]
    for secret in sorted(sent, key=len, reverse=True):
        for spelled in (secret, quote_plus(secret)):
            said = said.replace(spelled, "[…]") if len(spelled) > _SHORTEST else said
    return said


class SourceRefused(SourceError):
    """A service answered with an error status."""

    def __init__(self, text: str, status: int):
        self.status = status
        super().__init__(text)


def text(value: object) -> str | None:
    """A text that says something, or None."""
    return value if isinstance(value, str) and value.strip() else None


def number(value: object) -> int:
    """A whole number; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none for what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def mapping(value: object) -> dict[str, Any]:
    """An object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def plain_text(markup: object) -> str:
    """Text without its HTML tags, on one line; empty for what is no text."""
    if not isinstance(markup, str):
        return ""
    return " ".join(html.unescape(_TAGS.sub(" ", markup)).split())
