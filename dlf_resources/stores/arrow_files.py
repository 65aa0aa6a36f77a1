"""What Arrow reads from: files and memory of its own, never Python's.

Arrow reads ahead in threads of its own. One that still holds what Python gave it when the program ends takes Python's
lock, is ended there, and that aborts the process with exit code 134 (pyarrow 26).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa


def arrow_file(content: bytes | Path) -> pa.NativeFile:
    """A file, or a copy of bytes, opened for Arrow.

    Raises:
        OSError: the file cannot be opened.
    """
    if isinstance(content, Path):
        return pa.OSFile(str(content))
    memory = pa.allocate_buffer(len(content))
    memoryview(memory).cast("B")[:] = content
    return pa.BufferReader(memory)
