"""The page serves who sees colours otherwise, sees nothing, or has no pointer.

axe finds nothing serious, all is reached by Tab, and what a key does is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from finished_projects import image_id
from focus import all_round, tab_to
from playwright.sync_api import Page, expect
from review_operations import posted, say
from review_project import BUCKETS, box_id, make_project
from workspaces import ROOT

from harness.review_server import Server, running

pytestmark = pytest.mark.browser
AXE = ROOT / "review_ui" / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
STREET = {"project": "cars", "bucket": BUCKETS[0]}
CANVAS = f"/canvas?{urlencode(STREET | {'image': image_id(0)})}"
RUN = """async (tags) => {
  const { violations, passes, incomplete } = await axe.run(document, {
    runOnly: { type: "tag", values: tags },
    rules: { "target-size": { enabled: true } },
  });
  const looked = [...passes, ...incomplete].map(({ id }) => id);
  if (!looked.includes("color-contrast")) return [`it has looked at nothing but ${looked.join()}`];
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}"""
BOUNDS = """() => [...document.querySelectorAll("a, button, input, select, textarea, [tabindex='0']")]
  .filter((at) => !at.disabled && at.checkVisibility()).length"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE"):
        monkeypatch.delenv(name, raising=False)
    project = make_project(tmp_path)
    with running(project.file) as server:
        yield server


def name_question(page: Page, server: Server) -> None:
    page.goto(server.url + "/?project=cars")
    page.get_by_label("Who is reviewing?").fill("Ada")


def projects(page: Page, server: Server) -> None:
    page.goto(server.url + "/")
    page.get_by_role("link", name="cars").wait_for()


def grid(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?{urlencode(STREET)}")
    expect(page.get_by_role("img")).to_have_count(3)
    page.get_by_label("Class").get_by_role("option", name="person (3)").wait_for(state="attached")


def grid_decided(page: Page, server: Server) -> None:
    """With an image all of whose boxes are decided."""
    for place in (0, 1):
        decide(server, place, "approved")
    grid(page, server)
    page.get_by_text("✓ decided", exact=True).wait_for()


def nothing_fits(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?{urlencode(STREET | {'search': 'nothing'})}")
    page.get_by_text("No image fits").wait_for()


def canvas(page: Page, server: Server) -> None:
    page.goto(server.url + CANVAS)
    page.get_by_role("option", selected=True).wait_for()


def canvas_decided(page: Page, server: Server) -> None:
    """With the words of each decision on the page, in the list and at the box that is chosen."""
    decide(server, 0, "approved")
    decide(server, 1, "rejected")
    draw(server, "unsure")
    page.goto(server.url + CANVAS)  # nothing is left to decide, so that nothing is chosen
    page.get_by_role("option", name="person, rejected").click()
    for number, word in enumerate(("approved", "rejected", "unsure")):
        expect(page.get_by_role("option").nth(number)).to_have_accessible_name(re.compile(f", {word}"))


def help_(page: Page, server: Server) -> None:
    canvas(page, server)
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


def people(page: Page, server: Server) -> None:
    decide(server, 0, "approved")
    grid(page, server)
    page.get_by_role("button", name="People and agreement").click()
    page.get_by_role("cell", name="Grace").wait_for()


def live(page: Page, server: Server) -> None:
    page.goto(server.url + "/canvas/live?project=cars&query=car")
    page.get_by_text("choose the camera").wait_for()


def conflict(page: Page, server: Server) -> None:
    canvas(page, server)
    page.route("**/api/events*", lambda route: (decide(server, 0, "rejected"), route.continue_()), times=1)
    page.keyboard.press("a")
    page.get_by_role("alertdialog").wait_for()


def decide(server: Server, place: int, decision: str) -> None:
    """Somebody else decides a box of the first image."""
    subject = {"bucket": BUCKETS[0], "image_id": image_id(0), "box_id": box_id(0, place)}
    with server.client() as client:
        say(client, "cars", posted("verdict", decision, **subject, reviewer="Grace"))


def draw(server: Server, decision: str) -> None:
    """Somebody else draws a box on the first image and decides it."""
    subject = {"bucket": BUCKETS[0], "image_id": image_id(0), "box_id": "d" * 32, "reviewer": "Grace"}
    corners = {"x1": 0.6, "y1": 0.3, "x2": 0.9, "y2": 0.7}
    drawn = posted("add", {"class_name": "car", "corners": corners}, **subject)
    with server.client() as client:
        say(client, "cars", drawn, posted("verdict", decision, 1, **subject))


def not_there(page: Page, server: Server) -> None:
    page.goto(server.url + "/canvas?project=cars&image=nonsense")
    page.get_by_text("cannot be shown").wait_for()


def refused(page: Page, server: Server) -> None:
    page.context.clear_cookies()
    page.goto(server.url + "/")
    page.get_by_text("cannot be opened").first.wait_for()


SCENES = [
    name_question,
    projects,
    grid,
    grid_decided,
    nothing_fits,
    canvas,
    canvas_decided,
    help_,
    people,
    live,
    conflict,
    not_there,
    refused,
]
MEANT = {conflict: "409", not_there: "422", refused: "401"}
"""What the browser complains of in a scene."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__.strip("_"))
def test_axe_finds_nothing_serious(
    server: Server, sit_down: Callable, scene: Callable[[Page, Server], None], scheme: str
) -> None:
    ada = sit_down(server, None if scene is name_question else "Ada", meant=MEANT.get(scene), color_scheme=scheme)
    scene(ada.page, server)
    ada.page.evaluate(AXE.read_text(encoding="utf-8"))
    assert ada.page.evaluate(RUN, TAGS) == []


@pytest.mark.parametrize("scene", [grid, canvas], ids=lambda scene: scene.__name__)
def test_tab_leads_to_everything_and_where_it_is_can_be_seen(
    server: Server, sit_down: Callable, scene: Callable[[Page, Server], None]
) -> None:
    ada = sit_down(server)
    scene(ada.page, server)
    met = all_round(ada.page)
    assert [at.name for at in met if not at.seen] == []
    assert len(met) == ada.page.evaluate(BOUNDS)
    assert [name for name, times in Counter(at.name for at in met).items() if times > 1] == [], "are called alike"
    wanted = {
        grid: ["Class", "Order", "Search by title or address", "Start reviewing", "Images of the bucket"],
        canvas: ["Previous image", "2 boxes", "Note"],
    }
    assert set(wanted[scene]) <= {at.name for at in met}


def test_what_is_chosen_and_decided_is_said(server: Server, sit_down: Callable) -> None:
    ada = sit_down(server)
    canvas(ada.page, server)
    said = ada.page.locator("p[aria-live=polite]")
    expect(said).to_have_text("1 of 2: car, undecided, the model says yes, 90 per cent")
    ada.page.keyboard.press("a")
    expect(said).to_contain_text("2 of 2: person, undecided, the model says no")
    ada.page.keyboard.press("ArrowUp")
    expect(said).to_have_text("1 of 2: car, approved, 90 per cent")
    ada.page.keyboard.press("x")
    ada.page.keyboard.press("ArrowUp")
    expect(said).to_have_text("1 of 2: car, rejected, 90 per cent")
    listbox = ada.page.get_by_role("listbox")
    expect(listbox).to_have_attribute("aria-activedescendant", "box-0")
    expect(ada.page.locator("#box-0")).to_have_attribute("aria-selected", "true")
    expect(ada.page.get_by_role("status").filter(has_text="all saved")).to_have_attribute("aria-live", "polite")


def test_an_image_is_decided_by_keyboard_from_the_first_page_on(server: Server, sit_down: Callable) -> None:
    ada = sit_down(server, name=None)
    ada.open("/")
    keyboard = ada.page.keyboard
    expect(ada.page.get_by_label("Who is reviewing?")).to_be_focused()
    keyboard.type("Ada")
    keyboard.press("Enter")
    ada.page.get_by_role("link", name="cars").wait_for()
    tab_to(ada.page, "cars")
    keyboard.press("Enter")
    ada.page.get_by_role("link", name="Start reviewing").wait_for()
    tab_to(ada.page, "Start reviewing")
    keyboard.press("Enter")
    ada.page.get_by_role("option", selected=True).wait_for()
    keyboard.press("Shift+A")
    ada.page.get_by_text("2 of 3").wait_for()
    ada.page.get_by_text("all saved").wait_for()
    with server.client() as client:
        items = client.get("/api/queue", params=STREET | {"decision": "approved"}).json()["items"]
    assert [item["fitting"] for item in items] == [2]
