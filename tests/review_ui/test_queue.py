"""What is asked for, and in which order it comes."""

from __future__ import annotations

from typing import Any

import pytest
from finished_projects import image_id
from review_operations import posted, say
from review_project import BUCKETS, box_id
from starlette.testclient import TestClient

from review_ui.leases import LEASE_SECONDS, Leases


def queue(page: TestClient, **asked: Any) -> dict[str, Any]:
    answer = page.get("/api/queue", params={"project": "cars", "bucket": BUCKETS[0]} | asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def numbers(told: dict[str, Any]) -> list[int]:
    return [int(item["image_id"], 16) for item in told["items"]]


def decide(page: TestClient, image: int, place: int, value: str = "approved", base: int = 0) -> None:
    box = box_id(image, place)
    say(page, "cars", posted("verdict", value, base, bucket=BUCKETS[0], image_id=image_id(image), box_id=box))


def test_the_most_uncertain_comes_first_and_what_is_decided_last(page: TestClient) -> None:
    first = queue(page)
    assert (first["total"], first["boxes"], first["undecided"]) == (3, 6, 6)
    assert numbers(first) == [1, 2, 0]  # p_yes .55, .2, .9
    decide(page, 1, 0)
    decide(page, 1, 1)
    told = queue(page)
    assert numbers(told) == [2, 0, 1]
    assert (told["undecided"], told["items"][2]["undecided"], told["items"][2]["doubt"]) == (4, 0, None)


def test_a_cursor_keeps_its_order_while_people_decide(page: TestClient) -> None:
    first = queue(page, limit=1)
    decide(page, 1, 0)
    decide(page, 1, 1)
    pages = [queue(page, limit=1, offset=offset, cursor=first["cursor"]) for offset in range(3)]
    assert [numbers(one)[0] for one in pages] == [1, 2, 0]
    assert numbers(queue(page, offset=5, cursor=first["cursor"])) == []
    assert numbers(queue(page, cursor="abcdef")) == [2, 0, 1]  # forgotten: asked anew


@pytest.mark.parametrize(
    ("asked", "images", "boxes"),
    [
        ({"class_name": "car"}, [1, 2, 0], 3),
        ({"class_name": "nothing"}, [], 0),
        ({"verdict": "NO"}, [1, 2, 0], 3),
        ({"query": "person"}, [1, 2, 0], 3),
        ({"least_score": 0.95}, [], 0),
        ({"most_score": 0.95}, [1, 2, 0], 6),
        ({"decision": "approved"}, [], 0),
        ({"search": "street 2"}, [2], 6),
        ({"search": "STREET"}, [1, 2, 0], 6),
        ({"search": image_id(1)}, [1], 6),
        ({"order": "found"}, [0, 1, 2], 6),
        ({"order": "boxes"}, [0, 1, 2], 6),
        ({"image_decision": "rejected"}, [], 6),
    ],
)
def test_filters(page: TestClient, asked: dict[str, Any], images: list[int], boxes: int) -> None:
    told = queue(page, **asked)
    assert (numbers(told), told["boxes"]) == (images, boxes)


def test_filters_follow_what_people_say(page: TestClient) -> None:
    decide(page, 2, 0, "rejected")
    assert numbers(queue(page, decision="rejected")) == [2]
    assert queue(page, decision="none")["boxes"] == 5
    facets = page.get("/api/facets", params={"project": "cars", "bucket": BUCKETS[0]}).json()
    assert facets["decisions"] == {"rejected": 1, "none": 5}
    assert facets["classes"] == {"car": 3, "person": 3}
    assert facets["verdicts"] == {"YES": 3, "NO": 3}


def test_an_image_without_boxes_is_there_too(page: TestClient) -> None:
    told = queue(page, bucket=BUCKETS[1])
    assert (numbers(told), told["items"][0]["boxes"]) == ([7], 0)
    assert numbers(queue(page, bucket=BUCKETS[1], class_name="car")) == []


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": 501}, {"offset": -1}, {"order": "x"}, {"cursor": "../"}, {"decision": "x"}, {"odd": "1"}],
)
def test_a_question_that_does_not_fit_is_a_sentence(page: TestClient, asked: dict[str, Any]) -> None:
    answer = page.get("/api/queue", params={"project": "cars", "bucket": BUCKETS[0]} | asked)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unfit"


@pytest.mark.parametrize(("asked", "code"), [({"project": "x"}, "no_project"), ({"bucket": "positive/x"}, "no_bucket")])
def test_what_is_not_there_is_named(page: TestClient, asked: dict[str, str], code: str) -> None:
    answer = page.get("/api/queue", params={"project": "cars", "bucket": BUCKETS[0]} | asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_a_lease_is_advice_and_ends(page: TestClient) -> None:
    asked = {"image_id": image_id(1), "reviewer": "Ada"}
    assert page.post("/api/leases?project=cars", json=asked).json() == {"holder": None}
    assert page.post("/api/leases?project=cars", json=asked | {"reviewer": "Grace"}).json() == {"holder": "Ada"}
    assert queue(page)["items"][0]["holder"] == "Ada"
    decide(page, 1, 0)
    page.post("/api/leases?project=cars", json=asked | {"release": True})
    assert queue(page)["items"][0]["holder"] is None


def test_a_lease_that_nobody_renews_is_given_back() -> None:
    now = [0.0]
    leases = Leases(lambda: now[0])
    assert leases.take("x", "Ada") is None
    now[0] = LEASE_SECONDS - 1
    assert (leases.take("x", "Grace"), leases.take("x", "Ada")) == ("Ada", None)
    now[0] += LEASE_SECONDS + 1
    assert (leases.take("x", "Grace"), leases.holders()) == (None, {"x": "Grace"})


def test_the_page_that_holds_an_image_is_given_for_it(page: TestClient) -> None:
    whole = queue(page, order="found")
    ids = [item["image_id"] for item in whole["items"]]
    for place, image in enumerate(ids):
        found = queue(page, order="found", image=image, limit=2)
        assert (found["offset"], found["total"]) == (place // 2 * 2, len(ids))
        assert image in [item["image_id"] for item in found["items"]]
    assert queue(page, order="found", image="f" * 32, limit=2)["offset"] == 0
