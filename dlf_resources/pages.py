"""Where people look: addresses of the Dagster UI and of the review page, for links from one to the other."""

from __future__ import annotations

import os
from urllib.parse import urlencode

DAGSTER_UI = "http://127.0.0.1:3000"
REVIEW_PAGE = "http://127.0.0.1:3030"


def dagster_run(run_id: str) -> str:
    """The page of a Dagster run. `DLF_DAGSTER_URL` says where the UI is, if not at `DAGSTER_UI`."""
    return f"{_start('DLF_DAGSTER_URL', DAGSTER_UI)}/runs/{run_id}"


def review_bucket(project: str, bucket: str) -> str:
    """The grid of a bucket. `DLF_REVIEW_URL` says where the page is, if not at `REVIEW_PAGE`."""
    return f"{_start('DLF_REVIEW_URL', REVIEW_PAGE)}/?{urlencode({'project': project, 'bucket': bucket})}"


def review_box(project: str, bucket: str, image_id: str, box_id: str | None = None) -> str:
    """An image on the canvas, one of its boxes chosen."""
    asked = {"project": project, "bucket": bucket, "image": image_id} | ({"box": box_id} if box_id else {})
    return f"{_start('DLF_REVIEW_URL', REVIEW_PAGE)}/canvas?{urlencode(asked)}"


def _start(variable: str, default: str) -> str:
    """An address as somebody set it; what is no web address leads nowhere, and is not linked to."""
    url = os.environ.get(variable, "").strip().rstrip("/")
    return url if url.startswith(("http://", "https://")) else default
