"""Who may ask: whoever has opened the page by the address that was printed, from this machine's own page.

The start address holds a token that works once and becomes a cookie; a cookie is told to nobody (HttpOnly) and sent
along from nowhere else (SameSite=Strict). Host and Origin are checked as well: another site that a name service has
led to this machine sends its own name (DNS rebinding), and a form of another site its own origin.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_ui.problems import refused, told

START = "/start"
MOST_BODY = 2 << 20
"""Bytes of a request: some thousand operations."""
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_SAFE = ("GET", "HEAD")
# Neither can be sent by a form of another site.
_TYPES = ("application/json", "image/jpeg")


class Session:
    """The one-time token, and the cookie it becomes.

    Args:
        port: of the server; two servers of one machine share cookies by name otherwise.
        file: keeps what tells a cookie of ours, so that a page survives a restart of the server. Nobody can make a
            cookie of what it holds.
    """

    def __init__(self, port: int, file: Path | None = None):
        self.cookie = f"dlf_review_{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._file = file
        self._known: set[str] = _kept(file)

    @property
    def token(self) -> str | None:
        """What the start address holds; None when it has been used."""
        return self._token

    def admit(self, token: str) -> str | None:
        """The cookie's value for a token that is right, once."""
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        key = secrets.token_urlsafe(32)
        self._known.add(_digest(key))
        if self._file is not None:
            _keep(self._file, self._known)
        return key

    def knows(self, key: str | None) -> bool:
        """Whether a cookie is one of ours."""
        return key is not None and _digest(key) in self._known


def _digest(key: str) -> str:
    """32 random bytes need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _kept(file: Path | None) -> set[str]:
    try:
        return set() if file is None else set(file.read_text().split())
    except (OSError, UnicodeDecodeError):
        return set()


def _keep(file: Path, known: set[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write("\n".join(sorted(known)))


class Gate:
    """ASGI middleware that lets nobody else in, and says what the page may load.

    Args:
        app: behind it.
        session: who is known.
        hosts: what a request may call this server, with the port.
    """

    def __init__(self, app: ASGIApp, session: Session, hosts: frozenset[str]):
        self._app = app
        self._session = session
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        answer = self._refusal(request)
        if answer is None and request.url.path == START:
            answer = self._start(request)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        body = _Counted(receive)

        async def unless_too_large(message: Message) -> None:
            if not body.too_large:  # what the app makes of half a body is no answer
                await with_headers(message)

        await self._app(scope, body.receive, unless_too_large)
        if body.too_large:
            await _too_large()(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host.lower() not in self._hosts:
            text = "this server is not called so; open the address that `dlf review` printed."
            return refused(request, 403, "host", text)
        if request.url.path == START:
            return None
        if not self._session.knows(request.cookies.get(self._session.cookie)):
            text = "start `dlf review` and open the address that it prints; each start lets one more browser in."
            return refused(request, 401, "token", text)
        if request.method not in _SAFE:
            origin = request.headers.get("origin")
            if origin is None or urlsplit(origin).netloc.lower() not in self._hosts:
                return told(403, "origin", "only the page itself may write.")
            if request.headers.get("content-type", "").split(";")[0].strip() not in _TYPES:
                return told(415, "content_type", "only JSON is taken, and frames as JPEG.")
            length = request.headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > MOST_BODY:
                return _too_large()
        return None

    def _start(self, request: Request) -> Response:
        key = self._session.admit(request.query_params.get("token", ""))
        known = self._session.knows(request.cookies.get(self._session.cookie))
        if key is None and not known:
            text = "this address has been used; start `dlf review` again for another one."
            return refused(request, 401, "token", text)
        # Only a path of our own: an address that somebody else made must not lead elsewhere.
        onward = request.query_params.get("to", "/")
        safe = onward if onward.startswith("/") and not onward.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(safe, 303, headers={"Cache-Control": "no-store"})
        if key is not None:
            answer.set_cookie(self._session.cookie, key, httponly=True, samesite="strict", path="/")
        return answer


def _too_large() -> Response:
    return told(413, "too_large", f"at most {MOST_BODY >> 20} MB are taken at once.")


class _Counted:
    """A body that is too large ends as if its sender had gone: without a length it could go on for ever."""

    def __init__(self, receive: Receive):
        self._receive = receive
        self._bytes = 0

    @property
    def too_large(self) -> bool:
        """Whether more has come than is taken."""
        return self._bytes > MOST_BODY

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self.too_large:
                return {"type": "http.disconnect"}
        return message
