"""All that matters stands in the address: a link, Back and reload lead to the same images, filters and box."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from review_operations import posted, say

from harness.review_server import Server

pytestmark = pytest.mark.browser
PEOPLE = {"project": "people", "bucket": "positive/people"}
FILTERS = [{"class_name": "handbag"}, {"verdict": "YES"}, {"decision": "approved"}, {"order": "boxes"}]


def asked(page: Page) -> dict[str, str]:
    """What the address says."""
    return {name: words[0] for name, words in parse_qs(urlsplit(page.url).query).items()}


def queue(server: Server, **question: str) -> dict[str, Any]:
    with server.client() as client:
        answer: dict[str, Any] = client.get("/api/queue", params=PEOPLE | question).raise_for_status().json()
        return answer


def make_one_box_another(server: Server) -> None:
    """One image gets a box that is a handbag and is approved: then each filter finds something, and not everything."""
    image = queue(server)["items"][-1]["image_id"]
    with server.client() as client:
        box = client.get(f"/api/images/{image}", params=PEOPLE).json()["boxes"][0]
        subject = {"bucket": PEOPLE["bucket"], "image_id": image, "box_id": box["box_id"], "reviewer": "Grace"}
        said = (("verdict", "approved"), ("class", "handbag"))
        say(client, "people", *(posted(*one, base, **subject) for base, one in enumerate(said)))


def titles(page: Page) -> list[str]:
    """Of the images of the grid, in their order."""
    group = page.get_by_role("group", name="Images of the bucket")
    return [str(image.get_attribute("alt")) for image in group.get_by_role("img").all()]


def test_a_link_leads_to_an_image_and_a_box_of_it(serve: Callable, sit_down: Callable) -> None:
    server = serve()
    image = queue(server)["items"][1]
    with server.client() as client:
        boxes = client.get(f"/api/images/{image['image_id']}", params=PEOPLE).json()["boxes"]
    ada = sit_down(server)
    ada.open(f"/canvas?{urlencode(PEOPLE | {'image': image['image_id'], 'box': boxes[7]['box_id']})}")
    expect(ada.page.get_by_role("heading", name=image["title"])).to_be_visible()
    chosen = ada.page.get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    assert str(chosen.get_attribute("aria-label")).startswith(f"8 of {len(boxes)}: ")

    ada.page.reload()
    expect(ada.page.locator("#box-7")).to_have_attribute("aria-selected", "true")


def test_the_box_one_rests_at_is_in_the_address(serve: Callable, sit_down: Callable) -> None:
    server = serve()
    image = queue(server)["items"][0]
    with server.client() as client:
        boxes = client.get(f"/api/images/{image['image_id']}", params=PEOPLE).json()["boxes"]
    ada = sit_down(server)
    ada.open(f"/?{urlencode(PEOPLE)}")
    ada.page.get_by_role("link", name="Start reviewing").click()
    expect(ada.page.locator("#box-0")).to_have_attribute("aria-selected", "true")
    for key in ("ArrowDown", "ArrowDown", "a", "ArrowDown"):
        ada.page.keyboard.press(key)
    place = PEOPLE | {"image": image["image_id"], "box": boxes[4]["box_id"]}
    expect(ada.page).to_have_url(f"{server.url}/canvas?{urlencode(place)}")

    ada.page.reload()
    expect(ada.page.locator("#box-4")).to_have_attribute("aria-selected", "true")
    ada.page.go_back()
    expect(ada.page).to_have_url(f"{server.url}/?{urlencode(PEOPLE)}")


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: next(iter(filters)))
def test_filters_of_the_address_hold_in_the_grid_and_in_the_canvas(
    serve: Callable, sit_down: Callable, filters: dict[str, str]
) -> None:
    server = serve()
    make_one_box_another(server)
    told, all_ = queue(server, **filters), queue(server)
    items = [item["title"] for item in told["items"]]
    assert items
    assert items != [item["title"] for item in all_["items"]] or told["boxes"] < all_["boxes"]
    ada = sit_down(server)
    ada.open(f"/?{urlencode(PEOPLE | filters)}")
    ada.page.get_by_text(f"{told['total']} images, {told['boxes']} boxes").wait_for()
    expect(ada.page.get_by_role("img")).to_have_count(len(items))
    assert titles(ada.page) == items

    ada.page.get_by_role("link", name="Start reviewing").click()
    for number, title in enumerate(items, 1):
        ada.page.get_by_text(f"{number} of {len(items)}", exact=True).wait_for()
        expect(ada.page.get_by_role("heading", level=2)).to_have_text(title)
        assert filters.items() <= asked(ada.page).items()
        ada.page.keyboard.press("j")
    ada.page.get_by_text("this was the last image of the queue").wait_for()


def test_what_is_chosen_in_the_grid_is_in_the_address_and_back_undoes_it(serve: Callable, sit_down: Callable) -> None:
    server = serve()
    make_one_box_another(server)
    ada = sit_down(server)
    ada.open("/?project=people")
    filters = ada.page.get_by_role("search")
    expect(ada.page).to_have_url(f"{server.url}/?{urlencode(PEOPLE)}")
    said = {"Class": ("class_name", "handbag"), "Model says": ("verdict", "YES"), "Decided": ("decision", "approved")}
    expected: dict[str, str] = dict(PEOPLE)
    for label, (name, value) in (said | {"Order": ("order", "found")}).items():
        filters.get_by_label(label).select_option(value)
        expected[name] = value
        expect(ada.page).to_have_url(f"{server.url}/?{urlencode(expected)}")
    told = queue(server, **{name: value for name, value in expected.items() if name not in PEOPLE})
    ada.page.get_by_text(f"{told['total']} images, {told['boxes']} boxes").wait_for()
    search = ada.page.get_by_role("searchbox")
    search.fill("no such title")
    search.press("Enter")
    expect(ada.page).to_have_url(f"{server.url}/?{urlencode(expected | {'search': 'no such title'})}")
    ada.page.get_by_text("No image fits").wait_for()

    ada.page.go_back()
    ada.page.get_by_text(f"{told['total']} images, {told['boxes']} boxes").wait_for()
    expect(search).to_have_value("")
    ada.page.go_back()
    expect(filters.get_by_label("Order")).to_have_value("doubt")
    filters.get_by_label("Decided").select_option("")
    del expected["decision"], expected["order"]
    expect(ada.page).to_have_url(f"{server.url}/?{urlencode(expected)}")
    ada.page.reload()
    for label, (name, _) in said.items():
        expect(filters.get_by_label(label)).to_have_value(expected.get(name, ""))


def test_back_leads_from_the_canvas_to_the_grid_with_its_filters(serve: Callable, sit_down: Callable) -> None:
    server = serve()
    ada = sit_down(server)
    filters = {"verdict": "YES", "order": "boxes"}
    grid = f"{server.url}/?{urlencode(PEOPLE | filters)}"
    ada.page.goto(grid)
    items = queue(server, **filters)["items"]
    ada.page.get_by_role("link", name=items[1]["title"]).click()
    heading = ada.page.get_by_role("heading", level=2)
    expect(heading).to_have_text(items[1]["title"])
    ada.page.keyboard.press("j")
    expect(heading).to_have_text(items[2]["title"])
    assert (PEOPLE | filters | {"image": items[2]["image_id"]}).items() <= asked(ada.page).items()
    ada.page.reload()
    expect(heading).to_have_text(items[2]["title"])

    ada.page.go_back()
    expect(ada.page).to_have_url(grid)
    expect(ada.page.get_by_role("img")).to_have_count(len(items))
    assert titles(ada.page) == [item["title"] for item in items]
    expect(ada.page.get_by_label("Model says")).to_have_value("YES")
    ada.page.go_forward()
    expect(heading).to_have_text(items[2]["title"])
    ada.page.get_by_role("link", name="people").click()
    expect(ada.page).to_have_url(grid)


def test_a_link_to_what_is_not_there_says_so(serve: Callable, sit_down: Callable) -> None:
    ada = sit_down(serve(), meant="404|422")
    for path, sentence in {
        f"/canvas?{urlencode(PEOPLE | {'image': 'f' * 32})}": f"there is no image {'f' * 32} in project 'people'.",
        f"/canvas?{urlencode(PEOPLE | {'image': 'nonsense'})}": "image_id",
        "/?project=people&bucket=elsewhere": "project 'people' has no bucket 'elsewhere'.",
        "/canvas?project=people&bucket=elsewhere": "project 'people' has no bucket 'elsewhere'.",
        "/?project=nobody": "there is no project 'nobody'",
        "/canvas?project=nobody": "there is no project 'nobody'",
        f"/?{urlencode(PEOPLE | {'decision': 'maybe'})}": "decision",
    }.items():
        ada.open(path)
        told = ada.page.get_by_role("status").filter(has_text=sentence)
        expect(told).to_be_visible()
        expect(told).to_contain_text("cannot be shown")


def test_the_grid_leads_to_the_run_that_made_the_bucket(serve: Callable, sit_down: Callable) -> None:
    server = serve()
    with server.client() as client:
        (bucket, _) = client.get("/api/project", params={"project": "people"}).raise_for_status().json()["buckets"]
    assert bucket["bucket"] == PEOPLE["bucket"]
    assert re.fullmatch(r"http://127\.0\.0\.1:3000/runs/[0-9a-f-]{36}", bucket["run"])
    ada = sit_down(server)
    ada.open(f"/?{urlencode(PEOPLE)}")
    expect(ada.page.get_by_role("link", name="Run in Dagster")).to_have_attribute("href", bucket["run"])
