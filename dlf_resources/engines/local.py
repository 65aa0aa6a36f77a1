"""The engine of one process: one event loop for everything that waits, threads for everything that computes.

The loop has a thread of its own, so that requests go on while the stage writes rows to disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Generic

from dlf_resources.engines.base import Item, Outcome, Result
from dlf_resources.heap import return_large_buffers


class LocalEngine:
    """See the module's text."""

    def map(
        self,
        work: Callable[[Item], Awaitable[Result]],
        items: Iterable[Item],
        *,
        max_in_flight: int,
        within: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        threads: int | None = None,
        fatal: tuple[type[Exception], ...] = (),
    ) -> Generator[Outcome[Item, Result], None, None]:
        """See `Engine.map`."""
        return_large_buffers()
        run = _Run(work, iter(items), max_in_flight, within, threads or os.cpu_count() or 1, fatal)
        thread = threading.Thread(target=run.main, name="stage-loop", daemon=True)
        thread.start()
        try:
            ends: list[Outcome[Item, Result]] = []
            while batch := run.take():
                for outcome in batch:
                    if outcome.error is not None and isinstance(outcome.error, fatal):
                        ends.append(outcome)
                    else:
                        yield outcome
                run.taken(len(batch))
            yield from ends
        finally:
            run.stop()
            thread.join()
        if run.failure is not None:
            raise run.failure


class _Run(Generic[Item, Result]):
    """One `map`: what the loop's thread and the caller's thread share."""

    def __init__(
        self,
        work: Callable[[Item], Awaitable[Result]],
        items: Iterator[Item],
        window: int,
        within: Callable[[], AbstractAsyncContextManager[object]],
        threads: int,
        fatal: tuple[type[Exception], ...],
    ):
        self.failure: BaseException | None = None
        self._work = work
        self._items = items
        self._window = window
        self._within = within
        self._threads = threads
        self._fatal = fatal
        self._finished: deque[Outcome[Item, Result]] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._permits: asyncio.Semaphore | None = None

    # the caller's thread

    def take(self) -> list[Outcome[Item, Result]]:
        """Everything that has finished, at least one; empty when all is done."""
        with self._change:
            while not self._finished and not self._ended:
                self._change.wait()
            batch = list(self._finished)
            self._finished.clear()
            return batch

    def taken(self, count: int) -> None:
        """Room for so many more items."""

        def release() -> None:
            assert self._permits is not None
            for _ in range(count):
                self._permits.release()

        self._in_loop(release)

    def stop(self) -> None:
        """Begin nothing new, cancel what waits."""
        self._stopped = True
        self._in_loop(lambda: self._main.cancel() if self._main else None)

    def _in_loop(self, call: Callable[[], object]) -> None:
        with self._change:
            if self._loop is not None and not self._ended:
                with contextlib.suppress(RuntimeError):  # it has closed just now, and there is nothing left to tell it
                    self._loop.call_soon_threadsafe(call)

    # the loop's thread

    def main(self) -> None:
        """The body of the loop's thread."""
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="stage")
        try:
            with asyncio.Runner() as runner:
                loop = runner.get_loop()
                loop.set_default_executor(pool)
                with self._change:
                    self._loop = loop
                runner.run(self._all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            with self._change:
                self._ended = True
                self._change.notify_all()

    async def _all(self) -> None:
        self._main = asyncio.current_task()
        self._permits = asyncio.Semaphore(self._window)
        tasks: set[asyncio.Task[None]] = set()
        if self._stopped:
            return
        async with self._within():
            try:
                await self._permits.acquire()
                for item in self._items:
                    task = asyncio.ensure_future(self._one(item))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    await self._permits.acquire()
                while tasks:
                    await asyncio.wait(tasks)
            finally:
                self._stopped = True
                for task in tasks:
                    task.cancel()
                if tasks:
                    await asyncio.wait(tasks)

    async def _one(self, item: Item) -> None:
        start = time.perf_counter()
        result, failure = None, None
        try:
            result = await self._work(item)
        except Exception as error:
            failure = error
        except asyncio.CancelledError:
            if self._stopped:
                raise
            failure = RuntimeError("its work cancelled itself")
        if isinstance(failure, self._fatal) and self._main is not None:
            self._stopped = True
            self._main.cancel()
        outcome = Outcome(item, result, failure, time.perf_counter() - start)
        with self._change:
            self._finished.append(outcome)
            self._change.notify()
