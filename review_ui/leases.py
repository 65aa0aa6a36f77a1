"""Who looks at which image: advice, which keeps nobody from anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LEASE_SECONDS = 120.0


class Leases:
    """Who looks at which image. It keeps nobody from anything; others are shown it, and the queue passes it by."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._held: dict[str, tuple[str, float]] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def take(self, image_id: str, reviewer: str) -> str | None:
        """Look at an image for two minutes; who else looks at it, if somebody does."""
        with self._lock:
            self._forget()
            holder = self._held.get(image_id, (reviewer, 0.0))[0]
            if holder != reviewer:
                return holder
            self._held[image_id] = (reviewer, self._clock() + LEASE_SECONDS)
            return None

    def give_back(self, image_id: str, reviewer: str) -> None:
        """Look elsewhere."""
        with self._lock:
            if self._held.get(image_id, ("", 0.0))[0] == reviewer:
                del self._held[image_id]

    def holders(self) -> dict[str, str]:
        """Image id → who looks at it."""
        with self._lock:
            self._forget()
            return {image_id: reviewer for image_id, (reviewer, _) in self._held.items()}

    def _forget(self) -> None:
        now = self._clock()
        for image_id in [one for one, (_, until) in self._held.items() if until < now]:
            del self._held[image_id]
