"""What people say through the server: kept, told to others, refused where it does not fit."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import review_operations
from finished_projects import image_id
from review_operations import posted
from review_project import BUCKETS, ORIGIN, box_id
from starlette.testclient import TestClient

WHOLE = {"x1": 0.2, "y1": 0.2, "x2": 0.6, "y2": 0.6}


def operation(kind: str, value: Any, base: int = 0, image: int = 1, place: int = 0, **more: Any) -> dict[str, Any]:
    box = None if kind == "image_verdict" else box_id(image, place)
    return posted(kind, value, base, bucket=BUCKETS[0], image_id=image_id(image), box_id=box) | more


def say(page: TestClient, *said: dict[str, Any], status: int = 200) -> list[dict[str, Any]]:
    return review_operations.say(page, "cars", *said, status=status)


def boxes(page: TestClient, image: int = 1) -> dict[str, dict[str, Any]]:
    answer = page.get(f"/api/images/{image_id(image)}", params={"project": "cars"})
    assert answer.status_code == 200, answer.text
    return {one["box_id"]: one for one in answer.json()["boxes"]}


def test_a_box_is_as_the_model_found_it_until_somebody_speaks(page: TestClient) -> None:
    first = boxes(page)[box_id(1, 0)]
    assert (first["version"], first["decision"], first["verdict"], first["p_yes"]) == (0, "none", "YES", 0.55)
    assert first["found"]["corners"] == first["corners"]
    (result,) = say(page, operation("geometry", WHOLE))
    assert (result["status"], result["version"], result["current"]["corners"]) == (200, 1, WHOLE)
    now = boxes(page)[box_id(1, 0)]
    assert (now["version"], now["corners"], now["reviewer"]) == (1, WHOLE, "Ada")
    assert now["found"] == first["found"]
    say(page, operation("geometry", None, 1))
    assert boxes(page)[box_id(1, 0)]["corners"] == first["corners"]


def test_the_second_of_two_is_answered_409_with_what_the_first_said(page: TestClient) -> None:
    say(page, operation("verdict", "approved"))
    (result,) = say(page, operation("verdict", "rejected", reviewer="Grace"), status=409)
    assert (result["status"], result["version"]) == (409, 1)
    assert (result["current"]["decision"], result["current"]["reviewer"]) == ("approved", "Ada")
    one, two = say(page, operation("verdict", "rejected", 0), operation("verdict", "unsure", 1), status=409)
    assert (one["status"], two["status"], two["version"]) == (409, 409, 1)  # nor does what followed slip in


def test_an_operation_sent_twice_counts_once(page: TestClient) -> None:
    op = operation("verdict", "approved")
    first, again = say(page, op)[0], say(page, op)[0]
    assert first == again
    assert boxes(page)[box_id(1, 0)]["version"] == 1


def test_a_drawn_box_is_there_deleted_and_brought_back(page: TestClient) -> None:
    new = uuid.uuid4().hex
    add = operation("add", {"class_name": "car", "corners": WHOLE}, box_id=new)
    (result, moved) = say(page, add, operation("geometry", WHOLE | {"x1": 0.3}, 1, box_id=new))
    assert (result["version"], moved["version"]) == (1, 2)
    drawn = boxes(page)[new]
    assert (drawn["corners"]["x1"], drawn["drawn_by"], drawn["found"], drawn["decision"]) == (
        0.3,
        "Ada",
        None,
        "approved",
    )
    say(page, operation("delete", True, 2, box_id=new))
    assert boxes(page)[new]["deleted"]
    say(page, operation("delete", False, 3, box_id=new))
    assert not boxes(page)[new]["deleted"]


def test_an_image_is_decided_and_noted(page: TestClient) -> None:
    say(page, operation("image_verdict", "rejected"), operation("note", "blurred", 1, box_id=None))
    told = page.get(f"/api/images/{image_id(1)}", params={"project": "cars", "bucket": BUCKETS[0]}).json()
    assert (told["decision"], told["note"], told["version"]) == ("rejected", "blurred", 2)
    items = page.get(
        "/api/queue", params={"project": "cars", "bucket": BUCKETS[0], "image_decision": "rejected"}
    ).json()
    assert [item["image_id"] for item in items["items"]] == [image_id(1)]


def test_the_next_server_knows_it_all(page: TestClient, open_server: Callable[[], TestClient]) -> None:
    new = uuid.uuid4().hex
    say(page, operation("verdict", "rejected"), operation("add", {"class_name": "car", "corners": WHOLE}, box_id=new))
    before = boxes(page)
    with open_server() as other:
        other.cookies.update(page.cookies)
        assert boxes(other) == before
        say(other, operation("verdict", "approved", 1))
    # and the first hears what was said to the other
    assert boxes(page)[box_id(1, 0)]["decision"] == "approved"


@pytest.mark.parametrize(
    ("op", "status", "code"),
    [
        (operation("class", "boat"), 422, "no_class"),
        (operation("add", {"class_name": "boat", "corners": WHOLE}, box_id=uuid.uuid4().hex), 422, "no_class"),
        (operation("verdict", "approved", box_id="f" * 32), 404, "no_box"),
        (operation("verdict", "approved", image=9), 404, "no_image"),
        (operation("verdict", "approved", bucket="positive/x"), 404, "no_bucket"),
        (operation("verdict", "approved", bucket=BUCKETS[1]), 404, "no_image"),
        (operation("verdict", "maybe"), 422, "unfit"),
        (operation("geometry", WHOLE | {"x2": 2}), 422, "unfit"),
        (operation("verdict", "approved", path="/etc/passwd"), 422, "unfit"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_of_its_batch_is_taken(
    page: TestClient, op: dict[str, Any], status: int, code: str
) -> None:
    answer = page.post("/api/events?project=cars", json=[operation("verdict", "approved", place=1), op])
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert boxes(page)[box_id(1, 1)]["decision"] == "none"


def test_too_many_at_once_are_refused(page: TestClient) -> None:
    answer = page.post("/api/events?project=cars", json=[operation("verdict", "approved")] * 501)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unfit")
    assert (
        page.post("/api/events?project=cars", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 422
    )


def test_progress_counts_decisions_and_overruled_verdicts(page: TestClient) -> None:
    say(page, operation("verdict", "rejected"), operation("verdict", "rejected", place=1))
    told = page.get("/api/project", params={"project": "cars"}).json()
    street, empty = told["buckets"]
    counts = {name: street[name] for name in ("images", "boxes", "decided", "comparable", "overruled")}
    assert counts == {"images": 3, "boxes": 6, "decided": 2, "comparable": 2, "overruled": 1}
    assert (empty["images"], empty["boxes"], told["classes"]) == (1, 0, ["car", "person"])
    assert page.get("/api/projects").json() == {"projects": ["cars"]}
    assert page.headers["Origin"] == ORIGIN


def test_people_agree_with_one_another_and_with_verify_or_not(page: TestClient) -> None:
    say(page, *(operation("verdict", "approved", image=image) for image in range(3)))
    say(
        page,
        *(
            operation("verdict", value, 1, image=image, reviewer="Grace")
            for image, value in enumerate(("approved", "rejected", "rejected"))
        ),
    )
    say(page, operation("verdict", "approved", place=1))
    told = page.get("/api/people", params={"project": "cars"}).json()
    assert {one["reviewer"]: one["decisions"] for one in told["reviewers"]} == {"Ada": 4, "Grace": 3}
    (pair,) = told["pairs"]
    assert (pair["first"], pair["second"], pair["boxes"], pair["same"], pair["kappa"]) == ("Ada", "Grace", 3, 1, 0.0)
    queries = {one["query"]: (one["boxes"], one["overruled"]) for one in told["queries"]}
    assert queries == {"car": (3, 2), "person": (1, 1)}
