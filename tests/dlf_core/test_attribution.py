"""ATTRIBUTION.md read as a Markdown reader reads it, also when titles and authors are written by an attacker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # comes with rich

from dlf_core.attribution import attribution_markdown, license_of, publishing_problems
from dlf_core.formats.dataset import LabeledImage

BY = "https://creativecommons.org/licenses/by/4.0/"
BY_SA = "https://creativecommons.org/licenses/by-sa/3.0/"
WIKIMEDIA = {
    "title": "Stop sign in Køge",
    "author": "Eve Müller",
    "license": "CC BY-SA 3.0",
    "license_url": BY_SA,
    "page": "https://commons.wikimedia.org/wiki/File:Stop_sign_(Køge).jpg",
    "url": "https://upload.wikimedia.org/stop.jpg",
}
OPENVERSE = {
    "title": "stop!",
    "author": "bob",
    "license": "by 4.0",
    "license_url": BY,
    "page": "https://www.flickr.com/photos/bob/1",
    "url": "https://live.staticflickr.com/1.jpg",
    "attribution": '"stop!" by bob is licensed under CC BY 4.0.',
}


def image(number: int = 0, **rights: Any) -> LabeledImage:
    return LabeledImage(f"id{number}", f"id{number}.jpg", 96, 64, "train", **rights)


class _Seen(HTMLParser):
    """Tags, links and texts of each list item, and the tags of all."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[tuple[list[str], list[str], list[str]]] = []
        self.tags: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "li":
            self.items.append(([], [], []))
            self._inside = True
        elif self._inside:
            self.items[-1][0].append(tag)
            self.items[-1][1].extend(value or "" for name, value in attrs if name == "href")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "li"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.items[-1][2].append(data)


def seen(text: str) -> _Seen:
    reader = _Seen()
    reader.feed(MarkdownIt("commonmark").enable("table").render(text))
    return reader


def only_item(**rights: Any) -> tuple[list[str], list[str], str]:
    """Tags, links and text of the one image's line."""
    items = seen(attribution_markdown("signs", [image(**rights)])).items
    tags, links, texts = items[-1]
    return tags, links, "".join(texts)


@pytest.mark.parametrize("rights", [WIKIMEDIA, OPENVERSE], ids=["wikimedia", "openverse"])
def test_an_image_has_title_author_licence_with_link_and_source_page(rights):
    tags, links, text = only_item(**rights)
    name = license_of(image(**rights)).name
    assert text == f"id0.jpg: “{rights['title']}” by {rights['author']}, {name}"
    assert [link.replace("%28", "(").replace("%29", ")").replace("%C3%B8", "ø") for link in links] == [
        rights["page"],
        rights["license_url"],
    ]
    assert tags == ["code", "a", "a"]


def test_every_image_has_its_line_whatever_its_rights_and_in_one_order():
    rights: list[dict[str, Any]] = [WIKIMEDIA, OPENVERSE, {}, {"license": "CC0"}, {"author": "x", "license": "MIT"}]
    images = [image(number, **rights[number % 5]) for number in range(40)]
    text = attribution_markdown("signs", images)
    names = re.findall(r"^- `(id\d+\.jpg)`: ", text, re.MULTILINE)
    assert sorted(names) == sorted(one.file_name for one in images)
    lines = text.partition("Changes:")[2]
    assert lines == attribution_markdown("signs", images[::-1]).partition("Changes:")[2]
    licences = [license_of(next(one for one in images if one.file_name == name)).name for name in names]
    assert licences == sorted(licences)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_licences_are_counted_the_most_frequent_first():
    images = [image(n, **(WIKIMEDIA if n < 3 else OPENVERSE if n < 4 else {})) for n in range(6)]
    text = attribution_markdown("signs", images)
    assert text.startswith("# Attribution of the images of signs\n\n6 images.")
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert table == ["| licence | images |", "| CC BY-SA 3.0 | 3 |", "| unknown | 2 |", "| CC BY 4.0 | 1 |"]


def test_without_images_it_is_still_a_text():
    text = attribution_markdown("signs", [])
    assert "0 images" in text
    assert seen(text).items == []
    assert publishing_problems([]) == []


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ({}, "id0.jpg: “id0”, unknown"),
        ({"source_name": "photo.jpg"}, "id0.jpg: “photo.jpg”, unknown"),
        ({"title": "t", "source_name": "photo.jpg"}, "id0.jpg: “t”, unknown"),
        ({"license": "CC0", "author": "Eve"}, "id0.jpg: “id0” by Eve, CC0 1.0"),
        ({"license": "CC BY 4.0", "attribution": "Photo: Eve"}, "id0.jpg: “id0”, CC BY 4.0 (Photo: Eve)"),
    ],
)
def test_what_is_missing_is_left_out(rights, expected):
    assert only_item(**rights)[2] == expected


def test_the_page_is_linked_and_else_the_file():
    assert only_item(url="https://example.org/a.jpg")[1] == ["https://example.org/a.jpg"]
    assert only_item(url="https://example.org/a.jpg", page="https://example.org/")[1] == ["https://example.org/"]


@pytest.mark.parametrize(
    "url", ["file:///home/eve/photo.jpg", "javascript:alert(1)", "data:text/html,x", "//x.org/", ""]
)
@pytest.mark.parametrize("where", ["page", "url"])
def test_what_is_no_address_of_the_web_is_no_link(url, where):
    tags, links, text = only_item(**{where: url})
    assert (tags, links) == (["code"], [])
    assert "eve" not in text


def test_a_licence_whose_link_is_no_address_of_the_web_is_not_linked_to_nowhere():
    assert only_item(license="My terms", license_url="javascript:alert(1)")[1] == []
    assert only_item(license="CC BY 4.0", license_url="javascript:alert(1)")[1] in ([BY], [])


HOSTILE = [
    "](javascript:alert(1)) [x](https://evil.example/",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a\n\n# A heading\n\n- `id9.jpg`: [x](https://evil.example/)",
    "a\r\n| x | y |\n|---|---|\n",
    "`code` **bold** _it_ ~~no~~ ![i](https://evil.example/i.png)",
    "\\](https://evil.example/) \\",
    "&lt;b&gt; &#91;x&#93;&#40;https://evil.example&#41;",
    "<https://evil.example/>",
    "[x]: https://evil.example/",
    "a\u2028b\u2029c\x0bd\x0ce\x85f",
    "x" * 299 + "]" * 5,
    "x" * 298 + "\\" * 5,
    "“” ‮ \u202e drawkcab",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("where", ["title", "author", "license", "attribution", "source_name"])
def test_a_hostile_text_is_a_text(text, where):
    rights = {"title": "t", "license": "MIT", "license_url": BY, "page": "https://example.org/"}
    if where == "source_name":
        del rights["title"]
    if where == "license":
        rights["license_url"] = "https://example.org/terms"
    tags, links, _ = only_item(**rights | {where: text})
    assert (tags, links) == (["code", "a", "a"], ["https://example.org/", rights["license_url"]])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_licence_or_project_changes_nothing_above_the_lines(text):
    found = seen(attribution_markdown(text, [image(license=text), image(1)]))
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    assert set(found.tags) - {"a"} == table | {"h1", "p", "strong", "ul", "li", "code"}
    assert not any("evil" in link or "alert" in link for _, links, _ in found.items for link in links)
    assert found.tags.count("h1") == found.tags.count("table") == 1
    assert found.tags.count("tr") == 3
    assert found.tags.count("td") == 4


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a) [x](https://evil.example/",
        "https://example.org/a b\nc",
        "https://example.org/<script>",
        "https://example.org/((((",
        "https://example.org/a\\)b",
        'https://example.org/a "title")',
        "https://example.org/a\u2003b",
        "HTTPS://example.org/",
    ],
)
@pytest.mark.parametrize("where", ["page", "license_url"])
def test_an_address_ends_where_its_link_does(url, where):
    rights = {
        "title": "t",
        "license": "My terms",
        "page": "https://example.org/",
        "license_url": "https://example.org/",
    }
    tags, links, text = only_item(**rights | {where: url})
    assert tags == ["code", "a", "a"]
    assert all(re.match(r"(?i)https://example\.org/\S*\Z", link) for link in links)
    assert text == "id0.jpg: “t”, My terms"


hostile = st.text(st.sampled_from("ab \\`*_{}[]()<>#|!&;\"'\n\r\t~=-+.:/@é“”\u2028"), max_size=30)


@given(st.tuples(hostile, hostile, hostile, hostile))
def test_no_text_adds_a_tag_a_link_or_a_line(texts):
    title, author, license_, attribution = texts
    rights = {"title": f"t{title}", "author": author, "license": f"My {license_}", "attribution": attribution}
    tags, links, _ = only_item(**rights, license_url=BY + "x", page="https://example.org/")
    assert (tags, links) == (["code", "a", "a"], ["https://example.org/", BY + "x"])


def test_what_stands_in_the_way_of_publishing_has_a_sentence_each():
    images = [
        image(0),
        image(1, license="All rights reserved", author="Eve"),
        image(2, license="CC BY-NC 4.0", author="Eve"),
        image(3, license="CC BY-NC-ND 4.0", author="Eve"),
        image(4, license="CC BY-ND 4.0", author="Eve"),
        image(5, license="CC BY 4.0"),
    ]
    assert publishing_problems(images) == [
        "1 image of unknown rights: nobody has said that they may be passed on.",
        "1 image under licences that must be read first.",
        "2 images for non-commercial use only.",
        "2 images of which changed copies may not be passed on.",
        "1 image whose author must be named and is not known.",
    ]
    text = attribution_markdown("signs", images)
    assert "**Before this is published:**\n- 1 image of unknown rights" in text


@pytest.mark.parametrize(
    "rights",
    [
        {"license": "CC0"},
        {"license": "Public domain"},
        {"license": "CC BY 4.0", "author": "Eve"},
        {"license": "CC BY-SA 4.0", "attribution": "Photo: Eve"},
        {"license": "GFDL", "author": "Eve"},
        {"license_url": BY, "author": "Eve"},
    ],
)
def test_nothing_is_known_against_free_licences_whose_author_is_named(rights):
    assert publishing_problems([image(**rights)]) == []
    assert "Before this is published" not in attribution_markdown("signs", [image(**rights)])


@pytest.mark.parametrize("license_", ["CC BY 4.0", "CC BY-NC 4.0", "GFDL", "FAL"])
@pytest.mark.parametrize("named", [{}, {"author": ""}, {"author": None, "attribution": ""}])
def test_an_author_that_must_be_named_and_is_not_known_is_told(license_, named):
    assert "1 image whose author must be named" in " ".join(publishing_problems([image(license=license_, **named)]))


def test_large_numbers_are_written_so_that_one_can_read_them():
    problems = publishing_problems([image(number) for number in range(1234)])
    assert problems == ["1,234 images of unknown rights: nobody has said that they may be passed on."]
