"""Whose the pictures are: from what the services say to the allow-list, `ATTRIBUTION.md` and the gate of publishing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from factory import Factory
from markdown_it import MarkdownIt
from model_servers.loopback import status
from web_project import WebFactory, WebOfThree, rendered_items, web_factory
from workspaces import SAMPLE, TestWorkspace

from dlf_assets.automation.jobs import DATASET
from dlf_core.attribution import attribution_markdown, publishing_problems
from dlf_core.formats.dataset import LabeledImage

BOTH = "[duckduckgo, openverse]"


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        yield web


@pytest.fixture
def factory(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree) -> Iterator[WebFactory]:
    with web_factory(workspace, monkeypatch.setenv, web) as factory:
        yield factory


@pytest.mark.parametrize("sources", ["[duckduckgo, openverse]", "[openverse, duckduckgo]"])
def test_an_address_that_two_services_find_is_downloaded_once_with_the_rights_of_the_one_that_knows(
    factory: WebFactory, web: WebOfThree, sources: str
) -> None:
    web.duckduckgo.rows = web.duckduckgo_rows(1, 2)
    web.openverse.rows = web.openverse_rows(1)
    factory.project(sources=sources)
    factory.gather()
    assert web.photos.asked_for == {"/1.jpg": 1, "/2.jpg": 1}
    known, unknown = sorted(factory.rows(), key=lambda row: row["url"])
    assert (known["license"], known["license_family"], known["author"]) == ("by 2.0", "cc-by", "Photographer 1")
    assert known["license_url"] == "https://creativecommons.org/licenses/by/2.0/"
    assert known["page"] == "https://www.flickr.com/photos/1@N00/1"
    assert "Photographer 1" in known["attribution"]
    assert (unknown["license"], unknown["license_family"]) == (None, "unknown")


RIGHTS = ("license", "license_url", "license_family", "author", "attribution", "page")


@pytest.mark.parametrize("licenses", [None, "[cc-by]"])
@pytest.mark.parametrize("today", ["silent", "finds it no more"])
def test_rights_that_were_known_stay_known_when_who_knew_them_is_silent(
    factory: WebFactory, web: WebOfThree, licenses: str | None, today: str
) -> None:
    web.duckduckgo.rows = web.duckduckgo_rows(1)
    web.openverse.rows = web.openverse_rows(1)
    factory.project(sources=BOTH, **({"licenses": licenses} if licenses else {}))
    factory.gather()
    [before] = factory.rows()
    assert before["state"] == "kept"
    if today == "silent":
        web.openverse.always("/v1/images/", status(500))
    else:
        web.openverse.rows = []
    factory.gather()
    [after] = factory.rows()
    assert {name: after[name] for name in RIGHTS} == {name: before[name] for name in RIGHTS}
    assert after["state"] == "kept"
    assert web.photos.asked_for == {"/1.jpg": 1}


def test_rights_that_become_known_later_are_taken_over_without_a_download(factory: WebFactory, web: WebOfThree) -> None:
    web.duckduckgo.rows = web.duckduckgo_rows(1)
    factory.project(sources=BOTH)
    factory.gather()
    assert factory.rows()[0]["license_family"] == "unknown"
    web.openverse.rows = web.openverse_rows(1, license="cc0", license_version="1.0")
    factory.gather()
    [row] = factory.rows()
    assert row["license_family"] == "cc0"
    assert web.photos.asked_for == {"/1.jpg": 1}


OFFERED = {"by": 1, "by-nc": 2, "by-nd": 3, "cc0": 4, "pdm": 5, "by-nc-sa": 6, "sampling+": 7}


@pytest.mark.parametrize(
    ("licenses", "taken"),
    [
        (None, {1, 2, 3, 4, 5, 6, 7, 8}),
        ("[cc0, public-domain]", {4, 5}),
        ("[cc-by]", {1}),
        ("[unknown]", {8}),
        ("[other, cc-by-nc-sa]", {6, 7}),
        ("[cc-by, cc0, unknown]", {1, 4, 8}),
    ],
)
def test_only_licences_of_the_list_are_taken_and_nothing_else_is_downloaded(
    factory: WebFactory, web: WebOfThree, licenses: str | None, taken: set[int]
) -> None:
    version = {"cc0": "1.0", "pdm": "1.0", "sampling+": "1.0"}
    web.openverse.rows = [
        row
        for code, number in OFFERED.items()
        for row in web.openverse_rows(number, license=code, license_version=version.get(code, "2.0"))
    ]
    web.duckduckgo.rows = web.duckduckgo_rows(8)
    factory.project(sources=BOTH, **({"licenses": licenses} if licenses else {}))
    made = factory.gather()
    assert web.photos.asked_for == {f"/{number}.jpg": 1 for number in taken}
    states = factory.states()
    assert {name for name, state in states.items() if state == "kept"} == {f"{number}.jpg" for number in taken}
    assert set(states.values()) <= {"kept", "license_refused"}
    assert sum(made["licenses"].values()) == len(taken)
    for row in factory.rows():
        if row["state"] == "license_refused":
            assert "licenses: takes" in row["reason"]


def test_a_list_that_is_changed_takes_what_it_refused_and_gives_up_what_it_no_longer_takes(
    factory: WebFactory, web: WebOfThree
) -> None:
    web.openverse.rows = web.openverse_rows(1) + web.openverse_rows(2, license="by-nc")
    factory.project(sources="[openverse]", licenses="[cc-by]")
    factory.gather()
    assert factory.states() == {"1.jpg": "kept", "2.jpg": "license_refused"}
    factory.project(sources="[openverse]", licenses="[cc-by-nc]")
    factory.gather()
    assert factory.states() == {"1.jpg": "license_refused", "2.jpg": "kept"}
    factory.project(sources="[openverse]")
    factory.gather()
    assert factory.states() == {"1.jpg": "kept", "2.jpg": "kept"}
    assert web.photos.asked_for == {"/1.jpg": 1, "/2.jpg": 1}


def test_rights_names_whose_local_files_are(factory: WebFactory) -> None:
    factory.add("188465")
    bucket = f'{{folders: ["{factory.photos}"]}}'
    factory.project(bucket, licenses="[cc0]")
    factory.gather()
    [mine] = factory.rows()
    assert (mine["state"], mine["license"]) == ("kept", None)  # nothing is said: they are one's own
    rights = '{license: CC BY 4.0, author: "Ann", attribution: "Photo: Ann"}'
    factory.project(bucket, rights=rights)
    made = factory.gather()
    [told] = factory.rows()
    assert (told["license_family"], told["author"], told["attribution"]) == ("cc-by", "Ann", "Photo: Ann")
    assert told["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert made["computed"] == 0
    factory.project(bucket, rights=rights, licenses="[cc0]")
    factory.gather()
    assert factory.rows()[0]["state"] == "license_refused"


def image(number: int = 1, **more: object) -> LabeledImage:
    known: dict[str, object] = {
        "title": f"Picture {number}",
        "author": f"Ann {number}",
        "license": "CC BY-SA 4.0",
        "page": f"https://e.org/wiki/{number}",
        "url": f"https://e.org/{number}.jpg",
    } | more
    return LabeledImage(f"{number:032x}", f"{number:032x}.jpg", 640, 480, "train", **known)  # type: ignore[arg-type]


def test_an_image_is_told_with_title_author_licence_and_their_links() -> None:
    [line] = rendered_items(attribution_markdown("p", [image()]))
    assert line.text == f"{1:032x}.jpg: “Picture 1” by Ann 1, CC BY-SA 4.0"
    assert line.links == [
        ("“Picture 1”", "https://e.org/wiki/1"),
        ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    ]


HOSTILE = [
    "[click](https://evil.example/)",
    "](https://evil.example/) x [",
    "![](https://evil.example/track.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example/>",
    "two\n\n# lines\n- more",
    "a\r\n\r\n---\r\nb\u2028c",
    "**bold** _it_ `code` ~~x~~",
    "`",
    "``` x",
    "\\",
    "\\](https://evil.example/)",
    "| a | b |",
    "[x]: https://evil.example/",
    "[" * 400,
    "x" * 299 + "[y](https://evil.example/)",
    "&lt;b&gt; &#91;x&#93;",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["title", "author", "attribution", "license", "source_name"])
def test_what_others_wrote_stays_text(text: str, place: str) -> None:
    more: dict[str, object] = {place: text}
    if place == "source_name":
        more["title"] = None
    if place == "attribution":
        more["author"] = None
    if place == "license":
        more["license_url"] = "https://e.org/terms"
    lines = rendered_items(attribution_markdown("p", [image(**more), image(2)]))
    assert len(lines) == 2
    odd = next(line for line in lines if line.text.startswith(f"{1:032x}.jpg"))
    assert odd.kinds <= {"text", "code_inline", "link_open", "link_close", "text_special"}
    assert all("evil" not in address for _, address in odd.links)
    assert [address for _, address in odd.links] == [
        "https://e.org/wiki/1",
        "https://e.org/terms" if place == "license" else "https://creativecommons.org/licenses/by-sa/4.0/",
    ]
    assert len(re.findall(r"\.jpg", odd.text)) == 1


def test_the_name_of_a_project_and_of_a_licence_stay_text_in_the_head_too() -> None:
    markdown = attribution_markdown("<b>p</b>\n# x", [image(license="a | b\n| c |", license_url="https://e.org/")])
    kinds = {token.type for token in MarkdownIt("commonmark").parse(markdown)}
    assert "html_block" not in kinds
    assert len([line for line in markdown.splitlines() if line.startswith("# ")]) == 1
    [row] = [line for line in markdown.splitlines() if line.startswith("| a")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "//evil.example/",
        "vbscript:x",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("place", ["page", "license_url"])
def test_only_addresses_of_the_web_are_linked(address: str, place: str) -> None:
    [line] = rendered_items(attribution_markdown("p", [image(**{place: address})]))
    assert {target for _, target in line.links} <= {
        "https://e.org/1.jpg",
        "https://e.org/wiki/1",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    }


@pytest.mark.parametrize(
    "address",
    [
        "https://e.org/a)b(c) d",
        "https://e.org/\n\n# x",
        "https://e.org/<b>",
        "https://e.org/x) [click](https://evil.example/",
        "https://e.org/\\",
        "https://e.org/`",
        'https://e.org/ "title',
        "https://e.org/%29%0A",
        "https://e.org/*a*_b_",
    ],
)
def test_an_address_ends_where_its_link_does(address: str) -> None:
    [line] = rendered_items(attribution_markdown("p", [image(page=address, license="Mine", license_url=address + "`")]))
    assert [text for text, _ in line.links] == ["“Picture 1”", "Mine"]
    assert all(target.startswith("https://e.org/") for _, target in line.links)
    assert all("evil.example/" not in target or "%" in target for _, target in line.links)


def test_without_title_author_or_page_something_true_stands_there() -> None:
    bare = image(1, title=None, author=None, page=None, source_name="boat.jpg", attribution="Photo: Ann, example.org")
    [line] = rendered_items(attribution_markdown("p", [bare]))
    assert "boat.jpg" in line.text
    assert "Photo: Ann, example.org" in line.text
    assert line.links[0] == ("“boat.jpg”", "https://e.org/1.jpg")


def test_nothing_stands_against_publishing_what_is_free_and_named() -> None:
    free = [image(1), image(2, license="CC0 1.0", author=None), image(3, license="Public domain", author=None)]
    assert publishing_problems(free) == []
    assert "Before this is published" not in attribution_markdown("p", free)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"license": None}, "unknown rights"),
        ({"license": "by-nc 2.0"}, "non-commercial"),
        ({"license": "CC BY-NC-SA 4.0"}, "non-commercial"),
        ({"license": "by-nd 2.0"}, "changed copies"),
        ({"license": "by-nc-nd 2.0"}, "changed copies"),
        ({"license": "All rights reserved"}, "must be read"),
        ({"license": "Some terms"}, "must be read"),
        ({"author": None}, "author must be named"),
        ({"author": ""}, "author must be named"),
    ],
)
def test_what_stands_against_publishing_is_said_with_its_number(more: dict[str, object], said: str) -> None:
    problems = publishing_problems([image(1), image(2, **more), image(3, **more)])
    assert any(said in problem and problem.startswith("2 images") for problem in problems)
    assert all(problem in attribution_markdown("p", [image(2, **more), image(3, **more)]) for problem in problems)


def test_wikimedia_and_openverse_are_attributed_image_by_image_to_the_end(
    workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree
) -> None:
    """The whole way: searched, downloaded, filtered, labelled and written with the data set."""
    photos = [path for path in sorted(SAMPLE.rglob("*.jpg")) if path.stem.endswith(("184324", "188465", "147498"))]
    for number, path in enumerate(photos):
        name = path.stem
        url = web.photos.serve(f"/{name}.jpg", path.read_bytes())
        if number % 2:
            rows = web.wikimedia_rows(number, Artist=f'<a href="x">Painter [{number}]</a>')
            rows[0]["imageinfo"][0]["url"] = url
            web.wikimedia.rows += rows
        else:
            web.openverse.rows += web.openverse_rows(number, url=url, creator=f"<b>Ann</b> {number}", license="by-nc")
    with web_factory(workspace, monkeypatch.setenv, web) as factory:
        factory.project(sources="[openverse, wikimedia]", thresholds="{label_score: 0.6}")
        factory.run()
        made = factory.run(DATASET, "p")["dataset"]
        assert "non-commercial" in factory.failed_checks()["rights_allow_publishing"]
        assert factory.result.success  # it warns and stops nothing
        checked_lines(factory, made["images"])


def checked_lines(factory: Factory, count: int) -> None:
    folder: Path = factory.workspace.data("p") / "dataset"
    lines = {line.text.split(":")[0]: line for line in rendered_items((folder / "ATTRIBUTION.md").read_text())}
    rows = {row["image_id"]: row for row in factory.table("gather").to_pylist()}
    assert len(lines) == count > 1
    sources = set()
    for name, line in lines.items():
        row = rows[name.partition(".")[0]]
        sources.add(row["source"])
        assert row["title"] in line.text
        assert row["author"] in line.text
        assert [target for _, target in line.links] == [row["page"], row["license_url"]]
        assert line.links[1][0].startswith("CC BY")
    assert sources == {"openverse", "wikimedia"}
