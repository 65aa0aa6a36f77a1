"""Keep memory small.

Large buffers go back to the system when they are freed. Two things keep them otherwise (measured on a filter of 100,000
images, docs/performance.md). glibc raises its threshold for giving memory back up to 32 MB as soon as one large buffer
was freed; from then on request bodies of 100 kB lie among small objects in the heaps of several threads, which grow for
as long as the run lasts. And Arrow's own allocator keeps what was freed for a next time of the same size.

And pandas stays out. Where it is installed, Arrow imports it to see whether a list is one of its series: 37 MB and a
sixth of a second in every stage, for nothing.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.abc
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


class _Absent(importlib.abc.MetaPathFinder):
    """Says that pandas is not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out", name=fullname)


@functools.cache
def leave_out_pandas() -> bool:
    """Let Arrow look for pandas once, in vain; False where it is loaded already.

    Arrow looks again by itself as soon as something asks it for a data frame (`_PandasAPIShim._check_import` in its
    pandas-shim.pxi), so nobody's code loses anything.
    """
    if "pandas" in sys.modules:
        return False
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(absent)
    return True
