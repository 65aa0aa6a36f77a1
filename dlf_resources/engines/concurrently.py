"""Several coroutines of one item at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interrupted(Exception):
    """The work was cancelled from outside."""


async def finished_and_error(work: Sequence[Coroutine[Any, Any, Result]]) -> tuple[list[Result], Exception | None]:
    """All results, in order, and None; or those that were there when one raised, and what it raised.

    The first exception cancels the rest: what the others have given by then is not lost with it. Nor is it when all are
    cancelled from outside; then the error is `Interrupted`.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    if not tasks:
        return [], None
    interrupted: Exception | None = None
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        interrupted = Interrupted()
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    if unfinished:
        await asyncio.wait(unfinished)
    ended = [task for task in tasks if not task.cancelled()]
    errors = [error for task in ended if isinstance(error := task.exception(), Exception)]
    return [task.result() for task in ended if task.exception() is None], next(iter(errors), interrupted)
