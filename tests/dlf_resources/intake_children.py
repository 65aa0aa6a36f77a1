"""A child that judges as the real one does, and ends by a signal or with a code where its input says so."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from dlf_resources.intake import process

real = process.take_in


def take_in(content: bytes, *others: Any) -> process.Judgement:
    word, _, argument = content.partition(b" ")
    if word == b"signal":
        os.kill(os.getpid(), signal.Signals[argument.decode()])
    if word == b"once":  # the first child that meets it is killed
        flag = Path(argument.decode())
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if word == b"sleep":
        time.sleep(float(argument))
    if word == b"error":
        raise LookupError("nobody foresaw this")
    if word == b"memory":
        raise MemoryError
    return real(content, *others)


if __name__ == "__main__":
    if "broken" in sys.argv:
        sys.exit(3)
    process.take_in = take_in
    process.main()
