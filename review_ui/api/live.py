"""Frames of a camera or video, asked about one by one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from dlf_core.errors import ImageRejected
from dlf_core.reviews.operations import Corners
from review_ui.api.dependencies import OfLive
from review_ui.problems import Missing, Unfit

router = APIRouter(prefix="/api/live", tags=["live"])

FRAME = "image/jpeg"


class LiveServer(BaseModel):
    """Where boxes on frames come from."""

    address: str


class LiveBoxAnswer(BaseModel):
    """A box on a frame.

    Attributes:
        name: which known thing it is, or its label, where the server tells.
        confident: whether the server stands by the name.
        reference: id of a picture of that thing.
    """

    corners: Corners
    name: str | None
    score: float | None
    confident: bool | None
    reference: str | None


class LiveBoxes(BaseModel):
    """The boxes of a frame, and how many seconds the server took."""

    boxes: list[LiveBoxAnswer]
    seconds: float


@router.get("")
def read_server(live: OfLive) -> LiveServer:
    """Where boxes on frames come from; `FALCON_URL` moves it."""
    return LiveServer(address=live.address)


@router.post(
    "/frames",
    openapi_extra={
        "requestBody": {"required": True, "content": {FRAME: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def look(live: OfLive, request: Request, query: Annotated[str, Query(min_length=1, max_length=400)]) -> LiveBoxes:
    """Boxes of what is asked for on one frame, a JPEG."""
    content = await request.body()
    try:
        answer = await (await live.grounding()).look(content, query)
    except ImageRejected as error:
        raise Unfit("frame", f"the frame cannot be looked at: {error.reason}.") from None
    boxes = [
        LiveBoxAnswer(
            corners=Corners.model_validate(dict(zip(("x1", "y1", "x2", "y2"), one.corners, strict=True))),
            name=one.name,
            score=one.score,
            confident=one.confident,
            reference=one.reference,
        )
        for one in answer.boxes
    ]
    return LiveBoxes(boxes=boxes, seconds=answer.seconds)


@router.get("/references/{reference}", response_class=Response)
async def read_reference(live: OfLive, reference: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> Response:
    """The picture of a known thing that an answer has named."""
    found = await (await live.grounding()).reference(reference)
    if found is None:
        raise Missing("no_reference", "no answer has named this picture.")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "private, max-age=3600"})
