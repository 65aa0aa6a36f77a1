"""The connection to the server that draws boxes on frames: made when the first frame comes, kept until the end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from dlf_resources.grounding.live import LiveGrounding
from dlf_resources.servers.addresses import falcon_addresses


class Live:
    """See the module's text. All of it is called in the server's loop."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._grounding: LiveGrounding | None = None
        self._opening = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where the server is.

        Raises:
            BackendUnavailable: `FALCON_URL` is no address.
        """
        return falcon_addresses()[0].url

    async def grounding(self) -> LiveGrounding:
        """What frames are asked of.

        Raises:
            BackendUnavailable: `FALCON_URL` is no address.
        """
        async with self._opening:
            if self._grounding is None:
                self._grounding = await self._stack.enter_async_context(LiveGrounding().connected())
            return self._grounding

    async def close(self) -> None:
        """Let the connection go."""
        self._grounding = None
        await self._stack.aclose()
