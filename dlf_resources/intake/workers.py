"""The parent's side: children that judge bytes, each with some work ahead."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected, StoreError
from dlf_resources.images import Limits
from dlf_resources.intake.judgement import Judgement
from dlf_resources.intake.process import judgement_of, request_line

AHEAD = 3
"""Pieces of work a child has: one it is at, others that lie there when it is done."""
ANOTHER_AFTER = 64
"""Pieces of work after which the start of another child pays: it costs as much as some hundred of them."""
MOST_CHILDREN = 4
TRIES = 2
_PROGRAM = ("-P", "-m", "dlf_resources.intake.process")
_ROOT = Path(__file__).resolve().parents[2]
_LINE_BYTES = 1 << 20
_END_SECONDS = 5.0


class _Ended(Exception):
    """A child has ended and owes an answer.

    Args:
        code: its exit status; negative: the signal that ended it.
        at_work: whether it was at this piece of work, and not at one before it.
    """

    def __init__(self, code: int, at_work: bool):
        self.code = code
        self.at_work = at_work
        super().__init__(code)


class _Child:
    """One process and the answers it owes."""

    def __init__(self, process: asyncio.subprocess.Process):
        assert process.stdin is not None
        assert process.stdout is not None
        self.owed: deque[asyncio.Future[bytes]] = deque()
        self.alive = True
        self._process = process
        self._requests, self._answers = process.stdin, process.stdout
        self._reading = asyncio.ensure_future(self._read())

    async def ask(self, request: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.owed.append(answer)
        self._requests.write(request)
        return await answer

    async def end(self) -> None:
        self._requests.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), 0 if self.owed else _END_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._reading

    async def _read(self) -> None:
        try:
            while line := await self._answers.readline():
                answer = self.owed.popleft()
                if not answer.done():  # whoever asked may have been cancelled
                    answer.set_result(line)
        finally:
            self.alive = False
            code = await self._process.wait()
            for place, answer in enumerate(self.owed):
                if not answer.done():
                    answer.set_exception(_Ended(code, at_work=place == 0))
            self.owed.clear()


class Intake:
    """Judges bytes in children, which start when there is work. Open it in the event loop that uses it.

    Args:
        limits: what is too small or too large.
        most: children at most; default: one a core, up to MOST_CHILDREN.
        program: what Python runs in a child.
    """

    def __init__(self, limits: Limits, most: int | None = None, program: Sequence[str] = _PROGRAM):
        self._limits = limits
        self._most = most or min(MOST_CHILDREN, os.cpu_count() or 1)
        self._program = program
        self._children: list[_Child] = []
        self._pieces = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Intake]:
        """Children may start; they end with the block."""
        self._room, self._rooms = asyncio.Semaphore(AHEAD), 1
        self._choosing = asyncio.Lock()
        try:
            yield self
        finally:
            await asyncio.gather(*(child.end() for child in self._children))
            self._children.clear()

    async def take_in(self, content: bytes, folder: Path) -> Judgement:
        """What the bytes are; if they are an image, it lies in the folder then.

        Raises:
            StoreError: the folder cannot be written, or no child comes up.
            MemoryError: the image needs more memory than there is.
            ImageRejected: it crashes the decoder (`corrupt`), or whoever decoded it was killed (`unreadable`).
        """
        request = request_line(len(content), folder, self._limits) + content
        self._pieces += 1
        crashes: list[int] = []
        while len(crashes) < TRIES:
            async with self._room:
                child = await self._least_busy()
                try:
                    return judgement_of(await child.ask(request))
                except _Ended as ended:
                    if ended.at_work:
                        crashes.append(ended.code)
        raise _verdict(crashes[-1])

    async def _least_busy(self) -> _Child:
        async with self._choosing:
            self._children = [child for child in self._children if child.alive]
            least = min(self._children, key=lambda child: len(child.owed), default=None)
            busy = least is None or (len(least.owed) >= AHEAD - 1 and self._pieces > ANOTHER_AFTER)
            if busy and len(self._children) < self._most:
                least = _Child(await _started(self._program))
                self._children.append(least)
                if len(self._children) > self._rooms:
                    self._rooms += 1
                    for _ in range(AHEAD):
                        self._room.release()
            assert least is not None
            return least


async def _started(program: Sequence[str]) -> asyncio.subprocess.Process:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Its matrices are small, and threads for them would only wait.
    alone = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=os.environ | alone,
        )
    except OSError as error:
        raise StoreError(f"no process to decode images could be started: {error.strerror}.") from None


def _verdict(code: int) -> Exception:
    if code >= 0:
        return StoreError(f"the process that decodes images ended with exit code {code}; what it said is above.")
    if code == -signal.SIGKILL:
        reason = "the process that decoded it was killed, twice; perhaps it needs more memory than there is"
        return ImageRejected(CandidateState.UNREADABLE, reason)
    name = signal.Signals(-code).name
    return ImageRejected(CandidateState.CORRUPT, f"the decoder crashes on it ({name})")
