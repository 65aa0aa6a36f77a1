"""The engine of one machine: threads, a bounded window, back-pressure by the consumer."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from dlf_resources.engines.base import Item, Outcome, Result


class LocalEngine:
    """Runs work in threads; backends release the GIL (ONNX Runtime) or wait for a network."""

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, max_in_flight: int
    ) -> Generator[Outcome[Item, Result], None, None]:
        """See `Engine.map`."""
        pool = ThreadPoolExecutor(max_in_flight, thread_name_prefix="stage")
        window: set[Future[Outcome[Item, Result]]] = set()
        try:
            for item in items:
                window.add(pool.submit(_timed, work, item))
                if len(window) >= max_in_flight:
                    done, window = wait(window, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            while window:
                done, window = wait(window, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _timed(work: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    start = time.perf_counter()
    try:
        result = work(item)
    except Exception as error:
        return Outcome(item, None, error, time.perf_counter() - start)
    return Outcome(item, result, None, time.perf_counter() - start)
