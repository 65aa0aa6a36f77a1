"""The command line in this process: a second less than a process of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from dlf_assets.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit status."""

    code: object
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class Commands:
    """Calls `dlf` as a user does. Nobody sits at the terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["dlf", *map(str, words)])
        self._capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        return Done(code, *self._capsys.readouterr())
