"""One image: its boxes, its bytes, its thumbnail."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel

from dlf_core.records import Decision
from dlf_core.reviews.operations import ClassedBox, Corners
from dlf_core.reviews.state import Subject
from review_ui.api.dependencies import OfLeases, OfProject
from review_ui.bucket_index import BucketIndex, FoundBox
from review_ui.pictures import picture, thumbnail

router = APIRouter(prefix="/api", tags=["images"])

ImageId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Of an image.")]
_FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}


class BoxAnswer(BaseModel):
    """A box as it is now.

    Attributes:
        found: class and corners as a model gave them; None: drawn by hand.
        version: how many operations there were; the base of the next one.
        carried: the decision was made on an earlier detection of the same object.
    """

    box_id: str
    class_name: str
    corners: Corners
    found: ClassedBox | None
    query: str | None
    score: float | None
    score_kind: str | None
    backend: str | None
    model: str | None
    verdict: str | None
    p_yes: float | None
    version: int
    decision: Decision
    deleted: bool
    drawn_by: str | None
    note: str | None
    reviewer: str | None
    at: str | None
    carried: bool


class ImageAnswer(BaseModel):
    """An image with its boxes.

    Attributes:
        version: of what is said of the image as a whole.
        holder: who else looks at it.
    """

    image_id: str
    bucket: str
    title: str
    url: str | None
    width: int
    height: int
    version: int
    decision: Decision
    note: str | None
    holder: str | None
    boxes: list[BoxAnswer]


@router.get("/images/{image_id}")
def read_image(
    opened: OfProject,
    leases: OfLeases,
    image_id: ImageId,
    bucket: Annotated[str | None, Query(max_length=400)] = None,
) -> ImageAnswer:
    """An image with its boxes, as people have left them."""
    name, index, place = opened.bucket_of(image_id, bucket)
    row, said = index.image(place), index.image_subject(place)
    return ImageAnswer(
        image_id=image_id,
        bucket=name,
        title=index.title(place),
        url=row["url"] if str(row["url"] or "").startswith(("http://", "https://")) else None,
        width=row["width"],
        height=row["height"],
        version=said.version if said else 0,
        decision=said.decision if said else Decision.NONE,
        note=said.note if said else None,
        holder=leases.holders().get(image_id),
        boxes=boxes_of(index, place),
    )


def boxes_of(index: BucketIndex, place: int) -> list[BoxAnswer]:
    """The boxes of an image for the page."""
    return [_box(one) for one in index.boxes(place)]


def _box(one: FoundBox) -> BoxAnswer:
    row: dict[str, Any] = dict(one.row)
    subject = one.subject or Subject(one.box_id, "", decision=Decision(row.get("decision", "none")))
    now = subject.corners or (one.found.corners if one.found else None) or _corners(row)
    class_name = subject.class_name or (one.found.class_name if one.found else row["class_name"])
    told = {name: row.get(name) for name in ("query", "score", "score_kind", "backend", "model", "verdict", "p_yes")}
    return BoxAnswer(
        **told,
        box_id=one.box_id,
        class_name=class_name,
        corners=now,
        found=one.found,
        # What was said of the box before is the base of nothing: of this one nobody has spoken yet.
        version=0 if one.carried else subject.version,
        decision=subject.decision,
        deleted=subject.deleted,
        drawn_by=subject.drawn_by,
        note=subject.note,
        reviewer=subject.reviewer or row.get("reviewer"),
        at=subject.at.isoformat() if subject.at else None,
        carried=one.carried,
    )


def _corners(row: dict[str, Any]) -> Corners:
    return Corners.model_construct(**{name: row[name] for name in ("x1", "y1", "x2", "y2")})


@router.get("/images/{image_id}/file", response_class=Response)
def read_file(opened: OfProject, image_id: ImageId, request: Request) -> Response:
    """The image's bytes, upright, in a format that browsers know."""
    if answer := _unchanged(request, image_id):
        return answer
    _, index, place = opened.bucket_of(image_id)
    path = str(index.image(place)["path"])
    content, kind = picture(opened.store, image_id, path)
    return Response(content, media_type=kind, headers=_FOR_GOOD | {"ETag": f'"{image_id}"'})


@router.head("/thumbs/{image_id}.webp", include_in_schema=False)
@router.get("/thumbs/{image_id}.webp", response_class=FileResponse)
def read_thumbnail(opened: OfProject, image_id: ImageId, request: Request) -> Response:
    """The image's thumbnail, 256 px on the longer side."""
    if answer := _unchanged(request, f"t-{image_id}"):
        return answer
    _, index, place = opened.bucket_of(image_id)
    file = thumbnail(opened.store, image_id, str(index.image(place)["path"]))
    return FileResponse(file, media_type="image/webp", headers=_FOR_GOOD | {"ETag": f'"t-{image_id}"'})


def _unchanged(request: Request, etag: str) -> Response | None:
    """The answer to a browser that has it: an image is named by its bytes."""
    known = [word.strip().removeprefix("W/") for word in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers=_FOR_GOOD | {"ETag": f'"{etag}"'}) if f'"{etag}"' in known else None
