"""What became of the candidates of an unfinished gather: a line each, written at once.

Rows reach the disk within two seconds. A process that is killed before has downloaded candidates that have no row; by
this file they are known again, and are not downloaded a second time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from dlf_core.errors import StoreError


class Journal:
    """Candidates and what is known of them. Entered by one process at a time.

    Args:
        file: made when it is entered.
    """

    def __init__(self, file: Path):
        self._file = file
        self._descriptor: int | None = None

    def read(self) -> dict[str, dict[str, Any]]:
        """Candidate id → what was noted of it last, as far as lines are whole."""
        return dict(self._lines())

    def __enter__(self) -> Journal:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            way_out = "choose a writable data_root in the YAML or set DLF_DATA_ROOT"
            text = f"{self._file}: cannot write: {error.strerror}; {way_out}."
            raise StoreError(text) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def note(self, candidate_id: str, known: Mapping[str, Any]) -> None:
        """One line, in one piece: threads may write at the same time. Where the disk is full it does without."""
        if self._descriptor is not None:
            line = orjson.dumps([candidate_id, known], option=orjson.OPT_APPEND_NEWLINE)
            with contextlib.suppress(OSError):
                os.write(self._descriptor, line)

    def _lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            lines = self._file.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                candidate_id, known = orjson.loads(line)
                yield str(candidate_id), dict(known)
            except (ValueError, TypeError):  # the line at which the process was killed
                continue
