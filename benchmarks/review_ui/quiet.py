"""What else this machine does: a figure taken beside a busy neighbour says little of the page."""

from __future__ import annotations

import time
from pathlib import Path

LOOK_SECONDS = 1.0
BUSY = 0.15
MOST_SECONDS = 45.0


def settle() -> float:
    """Wait for a quiet second, for a while; the share of the processors that was busy in the last one."""
    until = time.monotonic() + MOST_SECONDS
    while (busy := _busy()) > BUSY and time.monotonic() < until:
        pass
    return round(busy, 2)


def _busy() -> float:
    before = _ticks()
    time.sleep(LOOK_SECONDS)
    idle, total = (now - then for now, then in zip(_ticks(), before, strict=True))
    return 1 - idle / max(total, 1)


def _ticks() -> tuple[int, int]:
    """Idle ticks, and all, since the machine's start."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return fields[3] + fields[4], sum(fields[:8])
