"""Runs a command that must not outlive the process that wanted it, and writes what it prints to a log.

    python -m dlf_resources.servers.keeper LOG COMMAND …

The keeper ends the command when its own standard input closes, which also a killed parent cannot prevent. It runs as a
program of its own and imports nothing heavy.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, BinaryIO

# A model server that loads a model hears a signal only when it has loaded.
PATIENCE_SECONDS = 5.0
MAX_LOG_BYTES = 10_000_000
LONGEST_LINE = 1000
# What model servers write when they could not read a picture: the whole of it.
_PICTURE = re.compile(rb"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=]*|[A-Za-z0-9+/=_-]{200,}")


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input closes; its exit status, 128 + signal for a killed one."""
    log, command = Path(arguments[0]), arguments[1:]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603  # what our caller chose, without a shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: threading.Thread(target=_end, args=(child,), daemon=True).start())
            assert child.stdout is not None
            _copy(child.stdout, out)
        except OSError:  # the disk is full: the server is worth more than its log
            _drain(child)
        status = child.wait()
    return status if status >= 0 else 128 - status


def _end_with_parent(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _copy(output: IO[bytes], out: BinaryIO) -> None:
    """Copy lines (also those that end in a carriage return, as progress bars do), pictures left out."""
    written = 0
    waiting = b""
    while chunk := os.read(output.fileno(), 65536):
        *lines, waiting = re.split(rb"[\r\n]+", waiting + chunk)
        waiting = waiting[-LONGEST_LINE * 100 :]
        for line in lines:
            if written > MAX_LOG_BYTES:
                out.seek(0)
                out.truncate()
                written = 0
            written += out.write(_PICTURE.sub(b"[picture]", line)[:LONGEST_LINE] + b"\n")
        out.flush()
    out.write(_PICTURE.sub(b"[picture]", waiting)[:LONGEST_LINE] + b"\n")


def _drain(child: subprocess.Popen[bytes]) -> None:
    """Read on, or the child would stop at a full pipe."""
    assert child.stdout is not None
    while os.read(child.stdout.fileno(), 65536):
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
