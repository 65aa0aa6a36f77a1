"""A backend that draws boxes, on several servers (`FALCON_URL=http://a:8500,http://b:8500`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from dlf_core.errors import BackendUnavailable
from dlf_core.usage import Usage
from dlf_resources.grounding.base import Detection, Grounded, GroundingBackend
from dlf_resources.picture import Picture
from dlf_resources.servers.several import Several


class SeveralGroundings:
    """See the module's text.

    Args:
        members: URL → the backend that asks there; all alike but for that.
        warn: is told of servers that go and that come back.
    """

    def __init__(self, members: Mapping[str, GroundingBackend], warn: Callable[[str], None]):
        self._servers = Several(members, warn)
        self._any = next(iter(members.values()))
        self.name, self.model, self.parameters = self._any.name, self._any.model, self._any.parameters
        self.window = self._servers.window

    @property
    def usage(self) -> Usage:
        """See `GroundingBackend.usage`."""
        return self._servers.usage

    def check(self, queries: Sequence[str]) -> None:
        """See `GroundingBackend.check`."""
        self._any.check(queries)

    def connected(self) -> AbstractAsyncContextManager[object]:
        """See `GroundingBackend.connected`."""
        return self._servers.connected()

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """See `GroundingBackend.ground`. What a server answered before it went is kept; the rest is asked elsewhere."""
        found: dict[str, list[Detection] | Exception] = {}

        async def rest(member: GroundingBackend) -> None:
            # An error of the question itself is an answer: another server would say the same.
            lacking = [one for one in queries if one not in found or isinstance(found[one], BackendUnavailable)]
            found.update(await member.ground(picture, lacking))
            for answer in found.values():
                if isinstance(answer, BackendUnavailable):
                    raise answer

        try:
            await self._servers.ask(rest)
        except BackendUnavailable as gone:
            if not found:
                raise
            return {query: gone if isinstance(one, BackendUnavailable) else one for query, one in found.items()}
        return found
