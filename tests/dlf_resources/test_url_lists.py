"""Files that list addresses: which addresses they give, in what order, and what they say of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from local_sources import around, candidates_of, content_of, write_list

from dlf_core.project import Project
from dlf_resources.sources import Candidate
from dlf_resources.sources.url_lists import Listed, listed
from dlf_resources.sources.urls import UrlsSource

TABLES = ["csv", "tsv", "parquet"]
A, B, C = (f"https://example.org/{name}.jpg" for name in "abc")


def found_in(project: Project, line: str) -> list[Candidate]:
    return candidates_of(UrlsSource(around(project)), line)


def addresses(path: Path) -> list[str]:
    return [entry.url for entry in listed(path, "it")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without BOM", "with BOM"])
def test_a_text_gives_an_address_a_line_without_blank_lines_and_comments(tmp_path: Path, mark: str, end: str) -> None:
    lines = [A, "", "# a comment", "   ", f"  {B}\t", f"  # {C}", f"{A}#part", "größe 照.jpg"]
    (tmp_path / "l.txt").write_bytes((mark + end.join(lines)).encode())
    assert addresses(tmp_path / "l.txt") == [A, B, f"{A}#part", "größe 照.jpg"]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=repr)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without BOM", "with BOM"])
@pytest.mark.parametrize(("kind", "sign"), [("csv", ","), ("tsv", "\t")])
def test_a_table_gives_an_address_a_row(tmp_path: Path, kind: str, sign: str, mark: str, end: str) -> None:
    rows = [["url", "title"], [A, "größe"], [f" {B} ", ""], ["", "none"], [], [f'"{C}"', '"two, ""quoted"""']]
    (tmp_path / f"l.{kind}").write_bytes((mark + end.join(map(sign.join, rows))).encode())
    found = list(listed(tmp_path / f"l.{kind}", "it"))
    assert found == [Listed(A, title="größe"), Listed(B), Listed(C, title='two, "quoted"')]


def test_a_comma_in_a_tsv_is_a_sign_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text(f"url\ttitle\n{A}?x=1,2\ta, b\n")
    assert list(listed(tmp_path / "l.tsv", "it")) == [Listed(f"{A}?x=1,2", title="a, b")]


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "parquet"])
def test_the_ending_says_what_a_list_is_in_whatever_case(project: Project, tmp_path: Path, kind: str) -> None:
    if kind == "txt":
        (tmp_path / "l.txt").write_text(A)
    else:
        write_list(tmp_path / f"l.{kind}", [{"url": A}])
    loud = (tmp_path / f"l.{kind}").rename(tmp_path / f"L.{kind.upper()}")
    assert [candidate.url for candidate in found_in(project, loud.name)] == [A]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("column", ["url", "image_url", "image", "URL", "path", "file"])
def test_the_column_of_addresses_may_have_other_names(tmp_path: Path, kind: str, column: str) -> None:
    path = write_list(tmp_path / f"l.{kind}", [{"id": "1", column: A, "title": "t"}])
    assert list(listed(path, "it")) == [Listed(A, title="t")]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("order", list(itertools.permutations(["path", "image", "url"])), ids="-".join)
def test_of_several_such_columns_url_counts_wherever_it_stands(tmp_path: Path, kind: str, order: Sequence[str]) -> None:
    row = {"url": A, "image": B, "path": "c.jpg"}
    assert addresses(write_list(tmp_path / f"l.{kind}", [{name: row[name] for name in order}])) == [A]


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_spaces_around_the_name_of_a_column_are_none_of_it(tmp_path: Path, kind: str) -> None:
    sign = {"csv": ", ", "tsv": " \t "}[kind]
    (tmp_path / f"l.{kind}").write_text(f"title{sign}url{sign}author\none{sign}{A}{sign}Eve\n")
    assert list(listed(tmp_path / f"l.{kind}", "it")) == [Listed(A, title="one", author="Eve")]


@pytest.mark.parametrize(("row", "found"), [(f"{A},t,more,and more", [Listed(A, title="t")]), (A, [Listed(A)])])
def test_rows_longer_or_shorter_than_the_header_are_taken(tmp_path: Path, row: str, found: list[Listed]) -> None:
    (tmp_path / "l.csv").write_text(f"url,title\n{row}\n")
    assert list(listed(tmp_path / "l.csv", "it")) == found


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_a_parquet_may_hold_its_text_in_any_way(tmp_path: Path, text: pa.DataType) -> None:
    column = pa.array([A, None, "", " ", B], pa.string()).cast(text)
    pq.write_table(pa.table({"url": column, "title": pa.nulls(5)}), tmp_path / "l.parquet")
    assert list(listed(tmp_path / "l.parquet", "it")) == [Listed(A), Listed(B)]


def test_a_parquet_of_many_row_groups_is_read_in_order_and_only_where_it_must_be(tmp_path: Path) -> None:
    urls = [f"https://example.org/{number}.jpg" for number in range(10_000)]
    table = pa.table({"url": urls, "title": [str(number) for number in range(10_000)], "pixels": [bytes(100)] * 10_000})
    pq.write_table(table, tmp_path / "l.parquet", row_group_size=3_000)
    assert [(entry.url, entry.title) for entry in listed(tmp_path / "l.parquet", "it")] == [
        (url, str(number)) for number, url in enumerate(urls)
    ]


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_without_rows_gives_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"l.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"url": pa.array([], pa.string())}), path)
    else:
        path.write_text("url\n")
    assert addresses(path) == []


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", "# nothing yet\n"])
def test_an_empty_text_gives_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "l.txt").write_text(content, encoding="utf-8")
    assert addresses(tmp_path / "l.txt") == []


RIGHTS = {
    "title": "A cat",
    "author": "Eve",
    "license": "CC BY-SA 4.0",
    "license_url": "https://example.org/by-sa",
    "page": "https://example.org/page",
    "attribution": "by Eve",
    "group": "cats",
}


@pytest.mark.parametrize("address", [A, "a.jpg"])
@pytest.mark.parametrize("kind", TABLES)
def test_what_a_table_says_of_an_image_is_taken_over(project: Project, tmp_path: Path, kind: str, address: str) -> None:
    write_list(tmp_path / f"l.{kind}", [{"url": address, "size": 7, "source": "x", "version": "y"} | RIGHTS])
    (candidate,) = found_in(project, f"l.{kind}")
    assert {name: getattr(candidate, name) for name in RIGHTS} == RIGHTS
    assert (candidate.source, candidate.query, candidate.version) == ("urls", f"l.{kind}", "")
    assert candidate.url == (A if address is A else (tmp_path / "a.jpg").as_uri())


@pytest.mark.parametrize("blank", ["", " ", None])
@pytest.mark.parametrize("kind", TABLES)
def test_what_a_table_leaves_open_is_as_the_project_says(
    make_project: Callable[..., Project], tmp_path: Path, kind: str, blank: str | None
) -> None:
    project = make_project(rights='{license: "CC0", author: "Adam"}')
    write_list(tmp_path / f"l.{kind}", [{"url": "a.jpg", "title": blank, "author": blank, "license": blank}])
    (candidate,) = found_in(project, f"l.{kind}")
    assert (candidate.title, candidate.author, candidate.license) == ("a.jpg", "Adam", "CC0")


def test_a_licence_of_the_table_does_not_get_the_address_of_the_projects_own(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    """A licence is told by its address first: with the project's, a picture would be passed on as what it is not."""
    project = make_project(
        rights='{license: "CC0", license_url: "https://creativecommons.org/publicdomain/zero/1.0/", author: "Adam"}'
    )
    write_list(tmp_path / "l.csv", [{"url": "a.jpg", "license": "CC BY-NC 4.0"}])
    (candidate,) = found_in(project, "l.csv")
    assert (candidate.license, candidate.license_url) == ("CC BY-NC 4.0", None)


@pytest.mark.parametrize("kind", ["txt", *TABLES])
def test_paths_are_relative_to_the_list_they_stand_in(
    project: Project, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    places = ["lists/a b.jpg", "lists/sub/%41.jpg", "up.jpg", "home/c.jpg", "absolute.jpg", "lists/file.jpg"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(place.encode())
    absolute = str(tmp_path / "absolute.jpg")
    lines = ["a b.jpg", "./sub/%41.jpg", "../up.jpg", "~/c.jpg", absolute, "file:file.jpg", f"file://{absolute}"]
    path = tmp_path / "lists" / f"l.{kind}"
    if kind == "txt":
        path.write_text("\n".join(lines))
    else:
        write_list(path, [{"url": line} for line in lines])
    for line in (f"lists/l.{kind}", str(path), path.as_uri()):
        found = found_in(project, line)
        source = UrlsSource(around(project))
        assert [content_of(source, candidate).decode() for candidate in found] == [*places[:5], places[5], places[4]]
        assert {candidate.query for candidate in found} == {line}


def test_a_list_mixes_the_web_and_files_and_keeps_its_order(project: Project, tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(b"x")
    (tmp_path / "l.txt").write_text(f"{A}\nb.jpg\nHTTP://EXAMPLE.ORG/c.jpg\n{A}\n")
    found = found_in(project, "l.txt")
    assert [candidate.url for candidate in found] == [A, (tmp_path / "b.jpg").as_uri(), "HTTP://EXAMPLE.ORG/c.jpg", A]
    assert [candidate.title for candidate in found] == [None, "b.jpg", None, None]
    assert [bool(candidate.version) for candidate in found] == [False, True, False, False]


@pytest.mark.parametrize(
    "line", ["gone.jpg", "~nobody-of-that-name/a.jpg", "~$a.jpg", "x" * 5000, "a\0b.jpg", "file:///a%00b.jpg", "."]
)
def test_a_line_that_leads_nowhere_is_a_row_and_the_lines_after_it_count(
    project: Project, tmp_path: Path, line: str
) -> None:
    (tmp_path / "l.txt").write_text(f"{line}\n{A}\n")
    found = found_in(project, "l.txt")
    assert [candidate.url for candidate in found][1:] == [A]
    found[0].url.encode("ascii")


def test_a_list_of_lists_is_not_followed(project: Project, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("l.txt\nm.csv\n")
    names = [candidate.title for candidate in found_in(project, "l.txt")]
    assert names == ["l.txt", "m.csv"]
