"""What people say, and what others hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from dlf_core.records import Decision
from dlf_core.reviews.operations import Corners, Operation
from dlf_core.reviews.state import Subject
from dlf_resources.reviews.log import Taken
from review_ui.api.dependencies import OfBroadcast, OfProject

router = APIRouter(prefix="/api", tags=["events"])

MOST_AT_ONCE = 500
BEAT_SECONDS = 15.0


class SubjectAnswer(BaseModel):
    """What a box, or an image, is now."""

    subject_id: str
    image_id: str
    version: int
    decision: Decision
    corners: Corners | None
    class_name: str | None
    drawn_by: str | None
    deleted: bool
    note: str | None
    reviewer: str | None
    at: str | None


class Outcome(BaseModel):
    """What became of an operation.

    Attributes:
        status: 200: it is in the log, and stays there. 409: somebody has said something since.
        version: of its subject after it; of one that was refused, what it is now.
        current: what the subject is now.
    """

    op_id: UUID
    status: Literal[200, 409]
    version: int
    current: SubjectAnswer | None


class Outcomes(BaseModel):
    """An outcome an operation, in their order."""

    results: list[Outcome]


@router.post(
    "/events",
    response_model=Outcomes,
    responses={409: {"model": Outcomes, "description": "At least one operation was refused."}},
)
def say(
    opened: OfProject,
    broadcast: OfBroadcast,
    operations: Annotated[list[Operation], Body(min_length=1, max_length=MOST_AT_ONCE)],
) -> JSONResponse:
    """Take operations, each for itself; the same one sent again counts once. Answered when they are on the disk."""
    results = []
    for outcome in opened.say(operations):
        told = {"op_id": str(outcome.op.op_id)}
        if isinstance(outcome, Taken):
            results.append(told | {"status": 200, "version": outcome.version, "current": _plain(outcome.subject)})
            if not outcome.again:
                news = {"kind": "event", "project": opened.project.project_name, "bucket": outcome.op.bucket}
                broadcast.tell(news | told | {"subject": _plain(outcome.subject)})
        else:
            version = outcome.current.version if outcome.current else 0
            results.append(told | {"status": 409, "version": version, "current": _plain(outcome.current)})
    refused = any(one["status"] == 409 for one in results)
    return JSONResponse({"results": results}, 409 if refused else 200)


def _plain(subject: Subject | None) -> dict[str, Any] | None:
    return None if subject is None else {name: value for name, value in subject.as_dict().items() if name != "seen"}


@router.get("/stream", response_class=StreamingResponse)
async def stream(broadcast: OfBroadcast) -> StreamingResponse:
    """News as they come (server-sent events): what others say, who looks at what."""
    return StreamingResponse(_lines(broadcast), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _lines(broadcast: OfBroadcast) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    news = broadcast.listen().__aiter__()
    waiting: asyncio.Task[dict[str, Any]] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(news.__anext__())
            done, _ = await asyncio.wait({waiting}, timeout=BEAT_SECONDS)
            if not done:
                yield b": still here\n\n"
                continue
            told, waiting = waiting.result(), None
            yield b"event: " + told["kind"].encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"
    except StopAsyncIteration:
        return
    finally:
        if waiting is not None:
            waiting.cancel()
