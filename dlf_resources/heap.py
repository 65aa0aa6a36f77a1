"""Keep memory from growing with the number of images: large buffers go back to the system when they are freed.

Two things keep it otherwise (measured on a filter of 100,000 images, docs/performance.md). glibc raises its threshold
for giving memory back up to 32 MB as soon as one large buffer was freed; from then on request bodies of 100 kB lie
among small objects in the heaps of several threads, which grow for as long as the run lasts. And Arrow's own allocator
keeps what was freed for a next time of the same size.
"""

from __future__ import annotations

import ctypes
import functools
import sys

import pyarrow as pa

_M_MMAP_THRESHOLD = -3  # malloc.h
_BYTES = 64 * 1024


@functools.cache
def return_large_buffers() -> bool:
    """Set both for this process, once. False, and nothing is changed, where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        done = bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES))
    except (OSError, AttributeError):  # another C library
        return False
    if done:
        pa.set_memory_pool(pa.system_memory_pool())
    return done
