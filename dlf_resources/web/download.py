"""Downloads: an address becomes bytes, or the one state that says why not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urljoin

from dlf_core.candidate_states import CandidateState, may_pass
from dlf_core.errors import Unfetched
from dlf_core.sections import WebSettings
from dlf_resources.web.addresses import AddressGuard
from dlf_resources.web.hosts import HOSTS, Host, HostClosed, HostLimit, Hosts
from dlf_resources.web.opt_outs import AGENT, refusal
from dlf_resources.web.transfers import Request, Response, Transfers

MOST_REDIRECTS = 5
TRIES = 3
LOOKUPS = 8
"""Names looked up at once. Not in the threads that decode: a dead name server would stop those."""
SECOND_TRY_SECONDS = 0.5
_REDIRECTS = (301, 302, 303, 307, 308)
_TOO_MUCH = (429, 503)
_PICTURES = "Accept: image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8,*/*;q=0.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sent beside the address: header lines, the body of a POST, and who is asked at which pace."""

    headers: Sequence[str] = (_PICTURES,)
    form: str | None = None
    limit: HostLimit | None = None
    opt_outs: bool = True


PICTURE = Asked()


class Web:
    """Downloads within one event loop; open it with `open_web`.

    Args:
        settings: the project's.
        guard: judges addresses.
        hosts: paces.
        transfers: sends.
        names: threads in which names are looked up; a name server may take its time.
    """

    def __init__(self, settings: WebSettings, guard: AddressGuard, hosts: Hosts, transfers: Transfers, names: Executor):
        self._settings = settings
        self._names = names
        self._guard = guard
        self._hosts = hosts
        self._transfers = transfers

    async def get(self, url: str, max_bytes: int, asked: Asked = PICTURE) -> Response:
        """The answer with status 200 of an address, after at most `MOST_REDIRECTS` redirects, each judged anew.

        Raises:
            Unfetched: with state forbidden_address, http_error, timeout, throttled, too_large or opted_out.
        """
        left = TRIES
        while True:
            try:
                response = await self._followed(url, max_bytes, asked)
            except Unfetched as failed:
                left -= 1
                # A host that is too slow stays so.
                if not left or failed.state == CandidateState.TIMEOUT or not may_pass(failed.state, failed.status):
                    raise
                if failed.state != CandidateState.THROTTLED:
                    left = 1  # once more; of one that throttles, its own pause is waited for in its turn
                    await asyncio.sleep(SECOND_TRY_SECONDS)
                continue
            if asked.opt_outs and self._settings.respect_opt_outs:
                word = refusal(response.values("x-robots-tag"))
                if word is not None:
                    raise Unfetched(CandidateState.OPTED_OUT, f"its owner says X-Robots-Tag: {word}")
            return response

    def throttled(self, url: str, response: Response) -> None:
        """Told by a service that says in its answer, not by its status, that it wants to be asked less."""
        self._hosts.of(self._guard.target(url).host).throttled(time.monotonic(), response.retry_after())

    async def _followed(self, url: str, max_bytes: int, asked: Asked) -> Response:
        status = None
        for _ in range(MOST_REDIRECTS + 1):
            target = self._guard.known_target(url)
            if target is None:
                target = await asyncio.get_running_loop().run_in_executor(self._names, self._guard.target, url)
            host = self._hosts.of(target.host, asked.limit)
            request = Request(target, max_bytes, self._settings.seconds, asked.headers, asked.form)
            response = await self._in_turn(host, request)
            if response.status not in _REDIRECTS:
                return _good(response, target.host)
            location = response.header("location")
            if not location:
                raise Unfetched(CandidateState.HTTP_ERROR, f"{target.host} redirects nowhere", response.status)
            url = _joined(target.url, location, response.status)
            status = response.status
            # What was meant for one host (a token) is not for the next.
            accepted = [line for line in asked.headers if line.startswith("Accept")]
            asked = replace(asked, headers=accepted, form=None, limit=None)
        raise Unfetched(CandidateState.HTTP_ERROR, f"more than {MOST_REDIRECTS} redirects", status)

    async def _in_turn(self, host: Host, request: Request) -> Response:
        try:
            async with host.turn():
                began = time.monotonic()
                response = await self._transfers.perform(request)
        except HostClosed as closed:
            said = f"{request.target.host} {closed}"
            raise Unfetched(CandidateState.THROTTLED, said, retry_after=closed.seconds) from None
        if response.status in _TOO_MUCH and (response.status == 429 or response.header("retry-after")):
            seconds = response.retry_after()
            host.throttled(began, seconds)
            said = f"{request.target.host} answered {response.status}: too many requests"
            raise Unfetched(CandidateState.THROTTLED, said, response.status, seconds)
        host.answered()
        return response


@contextlib.asynccontextmanager
async def open_web(
    settings: WebSettings, guard: AddressGuard | None = None, hosts: Hosts = HOSTS
) -> AsyncIterator[Web]:
    """A `Web` for the running event loop; its connections end with the block."""
    guard = guard or AddressGuard()
    transfers = Transfers(guard.may_connect, user_agent(settings.contact))
    names = ThreadPoolExecutor(LOOKUPS, "names")
    try:
        yield Web(settings, guard, hosts, transfers, names)
    finally:
        transfers.close()
        names.shutdown(wait=False, cancel_futures=True)


def user_agent(contact: str | None) -> str:
    """Who asks, and whom to write to about it (https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy)."""
    try:
        number = version("data-label-factory")
    except PackageNotFoundError:  # run from a source tree that was never installed
        number = "0"
    return f"{AGENT}/{number} ({contact or 'no contact given'})"


def _joined(base: str, location: str, status: int) -> str:
    with contextlib.suppress(UnicodeError):  # letters beyond ASCII are UTF-8 if they can be
        location = location.encode("latin-1").decode("utf-8")
    try:
        return urljoin(base, location)
    except ValueError:
        raise Unfetched(CandidateState.HTTP_ERROR, "it redirects to what is no address", status) from None


def _good(response: Response, host: str) -> Response:
    if response.status == 200:
        return response
    raise Unfetched(CandidateState.HTTP_ERROR, f"{host} answered {response.status}", response.status)
