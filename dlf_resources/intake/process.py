"""The child process: reads bytes on its stdin, judges them, and says on its stdout what they are.

A request is a line of JSON, `{"bytes": n, "folder": path, "limits": {…}}`, and after it n bytes. An answer is a line of
JSON: the fields of a `Judgement`, `fingerprint` in hex digits; or `{"failed": kind, "said": sentence}`, where the kind
is `store`, `memory` or `other`. Answers come in the order of the requests. The process ends when its stdin ends, so
none outlives the one that started it, however that ends.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlf_core.errors import StoreError
from dlf_resources.images import Limits
from dlf_resources.intake.judgement import Judgement, take_in


def request_line(size: int, folder: Path, limits: Limits) -> bytes:
    """The line before the bytes."""
    return json.dumps({"bytes": size, "folder": str(folder), "limits": asdict(limits)}).encode() + b"\n"


def judgement_of(line: bytes) -> Judgement:
    """An answer as it was before it became a line.

    Raises:
        StoreError: the folder cannot be written.
        MemoryError: the image needs more memory than there is.
        RuntimeError: nobody foresaw what happened.
    """
    said: dict[str, Any] = json.loads(line)
    if "failed" in said:
        kind = {"store": StoreError, "memory": MemoryError}.get(said["failed"], RuntimeError)
        raise kind(said["said"])
    thumb = said.pop("fingerprint")
    return Judgement(**said, fingerprint=None if thumb is None else bytes.fromhex(thumb))


def main() -> None:
    """Answer until stdin ends."""
    # Ctrl-C reaches the whole group; what to do about it the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        asked = json.loads(line)
        content = requests.read(asked["bytes"])
        if len(content) < asked["bytes"]:
            return
        answers.write(_answer(content, asked) + b"\n")
        answers.flush()


def _answer(content: bytes, asked: dict[str, Any]) -> bytes:
    try:
        judged = take_in(content, Limits(**asked["limits"]), Path(asked["folder"]))
    except StoreError as error:
        return _failed("store", str(error))
    except MemoryError:
        return _failed("memory", "an image needs more memory than there is")
    except Exception as error:
        return _failed("other", f"{type(error).__name__}: {error}")
    thumb = judged.fingerprint
    fields = {name: getattr(judged, name) for name in Judgement.__slots__}
    return json.dumps(fields | {"fingerprint": None if thumb is None else thumb.hex()}).encode()


def _failed(kind: str, said: str) -> bytes:
    return json.dumps({"failed": kind, "said": said}).encode()


if __name__ == "__main__":
    main()
