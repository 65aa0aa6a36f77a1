"""Rows of the stage tables with everything filled in that a test does not care about."""

from __future__ import annotations

from typing import Any

from dlf_core.records import BoxVerdict, DetectedBox, FilterVerdict, Grounding, Image, ImageReview, Review

BOX = (0.1, 0.2, 0.5, 0.8)


def image(image_id: str, bucket: str = "positive/x", **rest: Any) -> Image:
    told: dict[str, Any] = {
        "candidate_id": f"candidate-{image_id}",
        "memo_key": f"memo-{image_id}",
        "bucket": bucket,
        "state": "kept",
        "source": "folder",
        "query": "photos",
        "url": f"file:///photos/{image_id}.jpg",
        "order": 0,
        "image_id": image_id,
        "path": f"raw/{bucket}/{image_id}.jpg",
        "width": 96,
        "height": 64,
        "format": "JPEG",
    }
    return Image(**(told | rest))


def verdict(image_id: str, said: str = "YES", **rest: Any) -> FilterVerdict:
    told: dict[str, Any] = {
        "memo_key": f"memo-{image_id}",
        "p_yes": 0.75,
        "score_kind": "detector",
        "answer": said,
        "backend": "embedded",
        "model": "m",
        "prompt_hash": "p",
        "seconds": 0.25,
    }
    return FilterVerdict(image_id, verdict=said, **(told | rest))


def grounding(image_id: str, query: str = "person", status: str = "FOUND", boxes: tuple[Any, ...] = ()) -> Grounding:
    return Grounding(image_id, query, f"memo-{image_id}-{query}", status, "embedded", "m", 0.5, boxes=boxes)


def detected(box_id: str, score: float | None = 0.9) -> DetectedBox:
    return DetectedBox(box_id, *BOX, score, "detector" if score is not None else "none")


def box_verdict(box_id: str, image_id: str, said: str = "YES") -> BoxVerdict:
    rest = {"reasoning": None, "answer": said, "backend": "embedded", "model": "m", "prompt_hash": "p"}
    return BoxVerdict(
        box_id, image_id, "person", f"memo-{box_id}", said, 0.5, "detector", **rest, crop_padding=1.0, seconds=0.1
    )


def review(box_id: str, image_id: str, *, kept: bool, **rest: Any) -> Review:
    told: dict[str, Any] = dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True)) | {
        "query": "person",
        "class_name": "person",
        "score": 0.9,
        "score_kind": "detector",
        "backend": "embedded",
        "model": "m",
        "verdict": "YES" if kept else "NO",
        "p_yes": 0.8,
        "verify_backend": "embedded",
        "verify_model": "n",
        "decision": "none",
        "reviewer": None,
        "reviewed_at": None,
    }
    return Review(box_id, image_id, kept=kept, **(told | rest))


def image_review(image_id: str, **rest: Any) -> ImageReview:
    told: dict[str, Any] = {"decision": "rejected", "note": "blurred", "reviewer": "ada", "reviewed_at": None}
    return ImageReview(image_id, **(told | rest))
