"""Requests to one model server: kept-alive connections, few enough at once, tried again where that can help.

aiohttp, not httpx: the pool of one `httpx.AsyncClient` looks at every connection for every request and collapses above
32 in flight (docs/performance.md has both beside each other, by `benchmarks/bare_clients.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_core.usage import Usage
from dlf_resources.retry_after import retry_after
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.pace import Pace
from dlf_resources.servers.replies import Reply, cut

Answer = TypeVar("Answer")

TRIES = 5
# What a server says of itself, it says at once.
INFO_SECONDS = 15.0
# A server that restarts is back within a few seconds, or is not coming back.
REFUSED_TRIES = 4
# A model server answers 500 to a picture it cannot read; asking again helps only where the cause was another.
SERVER_ERROR_TRIES = 2
MAX_REPLY_BYTES = 64 * 1024 * 1024
# A server that is asked too much is asked again for minutes: the pauses between grow (`pace.py`).
THROTTLED_TRIES = 20
# Requests that failed one after the other, with no good one between, before the server is asked how it is.
SUSPICIOUS = 8
_BACKOFF = wait_random_exponential(multiplier=0.5, max=8)
_GONE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: bytes and their media type."""

    content: bytes
    media_type: str = "application/json"


class _Passing(Exception):
    """A failure that another try may mend."""

    def __init__(
        self, said: str, *, tries: int, pause: float | None = None, refused: bool = False, status: int | None = None
    ):
        super().__init__(said)
        self.status = status
        self.tries = tries
        self.pause = pause
        self.refused = refused


class ServerClient:
    """Asks one server.

    Args:
        address: where it is.
        max_in_flight: requests out at once, at most.
        request_seconds: deadline of one try.
        image_seconds: deadline of one question, all tries together, from its first sending.
        alive: asked when many requests in a row failed; what it raises ends the run.
        suspicious: how many.
        slow_hint: the end of the sentence about an answer that did not come in time.
    """

    def __init__(
        self,
        address: Address,
        *,
        max_in_flight: int,
        request_seconds: float,
        image_seconds: float,
        alive: Callable[[], Awaitable[object]] | None = None,
        suspicious: int = SUSPICIOUS,
        slow_hint: str = "",
    ):
        self.address = address
        self.max_in_flight = max_in_flight
        self.request_seconds = request_seconds
        self.image_seconds = image_seconds
        self.usage = Usage()
        self._alive = alive
        self._suspicious = suspicious
        self._slow_hint = slow_hint
        self._session: aiohttp.ClientSession | None = None
        self._pace = Pace(max_in_flight)
        self._prepared = asyncio.Semaphore(self.window)
        self._failed_in_a_row = 0
        self._checking = asyncio.Lock()

    @property
    def window(self) -> int:
        """Bodies worth having ready: those that are out, and a few to follow at once."""
        return self.max_in_flight + max(4, self.max_in_flight // 4)

    @property
    def name(self) -> str:
        """The server in a sentence."""
        return f"{self.address.backend} at {self.address.url}"

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[ServerClient]:
        """Within it, requests may be sent."""
        # uvicorn, which most model servers run on, closes a connection that was idle for 5 s.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4)
        # Answers are small, and what is not compressed cannot grow on this side.
        headers = {"Accept-Encoding": "identity"}
        if self.address.key:
            headers["Authorization"] = f"Bearer {self.address.key}"
        # `trust_env` would also look for passwords in ~/.netrc.
        async with aiohttp.ClientSession(
            connector=connector, headers=headers, trust_env=False, auto_decompress=False
        ) as session:
            self._session = session
            self._pace = Pace(self.max_in_flight)
            self._prepared = asyncio.Semaphore(self.window)
            self._checking = asyncio.Lock()
            try:
                yield self
            finally:
                self._session = None

    async def post(self, path: str, build: Callable[[], Awaitable[Body]], read: Callable[[Reply], Answer]) -> Answer:
        """Send one request about a picture, and read its answer.

        Args:
            path: below the server's URL.
            build: makes the body, when its turn has come, so that few bodies wait in memory.
            read: what the answer says; raises a BackendError for one that says nothing.

        Raises:
            BackendUnavailable: the server is gone; the sentence says how to start one.
            BackendError: the server answered, but not with what was asked.
        """
        async with self._prepared:
            body = await build()
            try:
                answer = read(await self.send("POST", path, body))
            except BackendUnavailable:
                raise
            except BackendError as error:
                # A server that is asked too much is there. A single refusal is about the question; many in a row
                # are a wrong path or an account without credit.
                if error.status not in (429, 503):
                    await self._suspect(str(error).rstrip("."))
                raise
        self._failed_in_a_row = 0
        return answer

    async def send(
        self, method: str, path: str, body: Body | None = None, *, tries: int = TRIES, seconds: float | None = None
    ) -> Reply:
        """One request, tried again where that can help; see `post`. `seconds`: another deadline for each try."""
        deadline: list[float] = []
        before: list[_Passing] = []
        most = seconds or self.request_seconds

        async def attempt() -> Reply:
            async with self._pace.slot():
                now = asyncio.get_running_loop().time()
                if not deadline:
                    deadline.append(now + self.image_seconds)
                left = deadline[0] - now
                if left <= 0:  # while it waited for its turn to be tried again
                    raise before[-1]
                return await self._once(method, path, body, min(most, left), whole=most <= left)

        def enough(state: RetryCallState) -> bool:
            failure = _failure(state)
            before.append(failure)
            late = bool(deadline) and asyncio.get_running_loop().time() + (failure.pause or 0) >= deadline[0]
            return late or state.attempt_number >= (failure.tries if tries == TRIES else min(tries, failure.tries))

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Passing),
            wait=_pause,
            stop=enough,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            reply: Reply = await retrying(attempt)
        except _Passing as failure:
            if failure.refused:
                raise BackendUnavailable(f"{failure}; {self.address.start}.") from None
            if failure.pause is not None and failure.pause > self.image_seconds:
                raise BackendUnavailable(
                    f"{failure}; it asks for {failure.pause:.0f} s without requests. Go on after that."
                ) from None
            raise BackendError(f"{failure}.", failure.status) from None
        return reply

    def _late(self, seconds: float, what: str = "") -> str:
        told = f"{seconds:.0f}" if seconds >= 1 else f"{seconds:.1g}"
        return f"{self.name} gave no answer within {told} s{', ' * bool(what)}{what}{self._slow_hint}"

    def _count_retry(self, _: RetryCallState) -> None:
        self.usage.retries += 1

    async def _once(self, method: str, path: str, body: Body | None, seconds: float, *, whole: bool) -> Reply:
        if self._session is None:
            raise BackendError(f"{self.name} is asked outside of its connection.")
        loop = asyncio.get_running_loop()
        began, sent_at = time.perf_counter(), loop.time()
        self.usage.requests += 1
        self.usage.bytes_sent += len(body.content) if body else 0
        try:
            async with self._session.request(
                method,
                self.address.url + path,
                data=body.content if body else None,
                headers={"Content-Type": body.media_type} if body else None,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(10.0, seconds)),
                allow_redirects=False,
                proxy=self.address.proxy,
            ) as response:
                content = await self._read(response)
        except aiohttp.ClientSSLError as error:
            raise BackendUnavailable(f"{self.name} has no certificate that this machine trusts ({error}).") from None
        except _GONE:
            said = f"{self.name} cannot be reached"
            raise _Passing(said, tries=REFUSED_TRIES, refused=True) from None
        except TimeoutError:
            said = self._late(seconds) if whole else self._late(self.image_seconds, "all tries together")
            raise _Passing(said, tries=2) from None
        except (aiohttp.ClientError, OSError) as error:
            said = f"{self.name} broke off its answer ({type(error).__name__})"
            raise _Passing(said, tries=3) from None
        finally:
            self.usage.backend_seconds += time.perf_counter() - began
        self._judge(response, content, sent_at)
        self._pace.answered()
        return Reply(content, response.content_type or "", self.address.key)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.content_length is not None and response.content_length <= 65536:
            return await response.read()
        content = bytearray()
        async for chunk in response.content.iter_chunked(1 << 18):
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                break
        if len(content) > MAX_REPLY_BYTES:
            raise BackendError(f"{self.name} answered more than {MAX_REPLY_BYTES >> 20} MB; that is no model's answer.")
        return bytes(content)

    def _judge(self, response: aiohttp.ClientResponse, content: bytes, sent_at: float) -> None:
        """Raise what an answer other than 200 means."""
        status = response.status
        if status == 200:
            return
        said = cut(content, self.address.key)
        words = f"{self.name} answered {status}" + (f": {said.rstrip('.')}" if said else "")
        if status in (429, 503):
            self.usage.throttled += 1
            told = retry_after(response.headers)
            self._pace.throttled(sent_at, None if told is None else min(told, self.image_seconds))
            raise _Passing(words, tries=THROTTLED_TRIES, pause=told, status=status)
        if status in (502, 504):
            raise _Passing(words, tries=TRIES, status=status)
        if status >= 500:
            raise _Passing(words, tries=SERVER_ERROR_TRIES, status=status)
        if 300 <= status < 400:
            raise BackendError(
                f"{self.name} answered {status}, a redirect, and redirects are not followed; "
                f"set {self.address.variable} to the final address."
            )
        if status in (401, 402, 403):
            way = "set QWEN_API_KEY" if self.address.backend == "qwen" else f"look at {self.address.variable}"
            way = "the account behind the key has no credit" if status == 402 else way
            raise BackendUnavailable(f"{words}; {way}.")
        raise BackendError(words + ".", status)

    async def _suspect(self, said: str) -> None:
        """Count a failure; after many in a row, ask whether the server can answer anything at all."""
        self._failed_in_a_row += 1
        if self._failed_in_a_row < self._suspicious:
            return
        async with self._checking:
            if self._failed_in_a_row < self._suspicious:
                return
            self._failed_in_a_row = 0
            if self._alive is None:
                return
            try:
                await self._alive()
            except BackendError:
                raise BackendUnavailable(
                    f"{said}; {self._suspicious} requests in a row failed, and so did one that the server must be able "
                    f"to answer. Look at the server's log, then {self.address.start}."
                ) from None


def _failure(state: RetryCallState) -> _Passing:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _Passing)
    return error


def _pause(state: RetryCallState) -> float:
    told = _failure(state).pause
    # What a server asks for, and a little apart from each other.
    return _BACKOFF(state) if told is None else told + _BACKOFF(state) / 10
