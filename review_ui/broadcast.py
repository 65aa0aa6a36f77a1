"""News for every page that is open: what others have said, who looks at what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

_WAITING = 1000
"""News a page may be behind; one that reads no more is cut off, connects again and loads anew."""


class Broadcast:
    """Tells all who listen. `tell` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def tell(self, news: dict[str, Any]) -> None:
        """Tell all who listen now."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the server is ending
                self._loop.call_soon_threadsafe(self._tell, news)

    def _tell(self, news: dict[str, Any] | None) -> None:
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(news)

    async def listen(self) -> AsyncIterator[dict[str, Any]]:
        """What is told from now on."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_WAITING)
        self._listeners.add(queue)
        try:
            while (news := await queue.get()) is not None:
                yield news
        finally:
            self._listeners.discard(queue)

    def end(self) -> None:
        """Let all listeners go."""
        self._tell(None)
