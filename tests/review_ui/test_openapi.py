"""Whatever the OpenAPI allows, and what it does not, no answer is a 500."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from finished_projects import image_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review_project import BUCKETS, ORIGIN
from schemathesis.generation import GenerationMode
from schemathesis.openapi import from_asgi
from starlette.testclient import TestClient

from review_ui.openapi import FILE, described

PAGES = ("/api/project", "/api/people", "/api/queue", "/api/facets", "/api/leases", "/api/images/{image_id}")
PATHS = (*PAGES, "/api/images/{image_id}/file", "/api/thumbs/{image_id}.webp", "/api/events")
# They ask a server that is not there: 503. tests/review_ui/test_live.py has one.
LIVE = ("/api/live", "/api/live/frames", "/api/live/references/{reference}")
KEPT = {"host", "origin", "cookie"}
QUIET = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def test_every_route_that_takes_something_is_asked(page: TestClient) -> None:
    paths = set(page.get("/api/openapi.json").json()["paths"])
    assert paths == {*PATHS, *LIVE, "/api/projects", "/api/stream"}


def test_the_page_is_built_for_the_routes_that_there_are() -> None:
    way_out = "run `python -m review_ui.openapi`, and in web/ `npm run types`"
    assert FILE.read_text(encoding="utf-8") == described(), way_out


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_question_is_too_odd(page: TestClient, path: str, mode: GenerationMode) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    headers = {"Host": ORIGIN.removeprefix("http://"), "Origin": ORIGIN, "Cookie": cookie}
    schema = from_asgi("/api/openapi.json", page.app, headers=headers)
    known = {"project": "cars", "bucket": BUCKETS[0]}
    answered: list[int] = []
    for operation in (one.ok() for one in schema.include(path=path).get_all_operations()):

        @QUIET
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def ask(case: schemathesis.Case, real: bool) -> None:
            if real:  # most of what is made up names nothing that is there
                query: Any = case.query if isinstance(case.query, dict) else {}
                case.query = query | {name: known[name] for name in known if name in query}
                if isinstance(case.path_parameters, dict) and "image_id" in case.path_parameters:
                    case.path_parameters["image_id"] = image_id(1)
            case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() not in KEPT}
            answer = case.call(headers=headers)
            answered.append(answer.status_code)
            assert answer.status_code < 500, (answer.status_code, answer.text, case)

        ask()
    assert len(answered) >= 5
    assert answered.count(401) == answered.count(403) == 0
