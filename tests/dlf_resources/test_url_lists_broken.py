"""Lists of addresses that are broken or none: a sentence with the file, and the line where there is one."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from local_sources import around, candidates_of, write_list

from dlf_core.errors import SourceError
from dlf_core.project import Project
from dlf_resources.sources.url_lists import listed
from dlf_resources.sources.urls import UrlsSource

TABLES = ["csv", "tsv", "parquet"]
A, B, C = (f"https://example.org/{name}.jpg" for name in "abc")


def complaint(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        list(listed(path, "it"))
    return str(caught.value)


def test_a_list_that_is_not_there_is_told_with_the_yaml_and_the_line(project: Project) -> None:
    with pytest.raises(SourceError) as caught:
        candidates_of(UrlsSource(around(project)), "lists/gone.csv")
    path = project.file.parent / "lists" / "gone.csv"
    said = f"{project.file}: urls 'lists/gone.csv': {path} cannot be read: No such file or directory."
    assert str(caught.value) == said


@pytest.mark.parametrize("kind", ["txt", *TABLES])
def test_a_list_that_is_missing_or_a_folder_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"l.{kind}"
    assert complaint(path).startswith(f"it: {path} cannot be read: ")
    assert "no such file" in complaint(path).lower()
    path.mkdir()
    assert complaint(path).startswith(f"it: {path} cannot be read: ")
    assert "directory" in complaint(path)


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_without_a_column_of_addresses_is_told_with_those_it_has(tmp_path: Path, kind: str) -> None:
    path = write_list(tmp_path / f"l.{kind}", [{"link": A, "title": "t"}])
    said = f"it: {path} has no column 'url' (it has: link, title); name the column of addresses so."
    assert complaint(path) == said


def test_a_csv_that_is_empty_or_has_no_header_is_told(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"")
    assert complaint(tmp_path / "l.csv").endswith("has no column 'url' (it is empty); name the column of addresses so.")
    (tmp_path / "l.csv").write_text(f"{A}\n{B}\n")
    assert f"(it has: {A})" in complaint(tmp_path / "l.csv")


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_text_in_another_encoding_is_told_and_not_guessed_at(tmp_path: Path, kind: str, encoding: str) -> None:
    path = tmp_path / f"l.{kind}"
    path.write_bytes("url\ngröße.jpg\n".encode(encoding))
    assert complaint(path) == f"it: {path} is not UTF-8 text; save it as UTF-8."


@pytest.mark.parametrize("line", [1, 2, 3, 50])
def test_a_field_without_end_is_told_with_its_line(tmp_path: Path, line: int) -> None:
    lines = ["url,title", *[f"{A},t"] * 60]
    lines[line - 1] = f"url,{'x' * 200_000}"
    (tmp_path / "l.csv").write_text("\n".join(lines))
    assert complaint(tmp_path / "l.csv") == (
        f"it: {tmp_path / 'l.csv'}, line {line}: field larger than field limit (131072)."
    )


def test_a_quote_that_is_never_closed_is_told_and_swallows_no_rows(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(f'url,title\n{A},"never closed\n{B},two\n{C},three\n')
    assert ", line 4: " in complaint(tmp_path / "l.csv")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"url\nhttps://example.org\n"])
def test_what_is_no_parquet_is_told_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "l.parquet").write_bytes(content)
    said = complaint(tmp_path / "l.parquet")
    assert said.startswith(f"it: {tmp_path / 'l.parquet'} ")
    assert "Parquet" in said
    assert "\n" not in said


def test_half_a_parquet_is_told(tmp_path: Path) -> None:
    whole = write_list(tmp_path / "l.parquet", [{"url": A}] * 1000).read_bytes()
    (tmp_path / "l.parquet").write_bytes(whole[: len(whole) // 2])
    assert "is no Parquet file" in complaint(tmp_path / "l.parquet")


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_a_parquet_with_damaged_pages_gives_addresses_or_a_sentence_and_nothing_else(
    tmp_path: Path, compression: str
) -> None:
    chance = random.Random(compression)
    path = tmp_path / "l.parquet"
    urls = [f"https://example.org/{number}.jpg" for number in range(500)]
    pq.write_table(pa.table({"url": urls, "title": ["t"] * 500}), path, compression=compression)
    whole = path.read_bytes()
    told: list[str] = []
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 5, 50])):
            damaged[chance.randrange(4, len(whole) - 8)] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            list(listed(path, "it"))
        except SourceError as error:
            told.append(str(error))
    assert len(told) > 10
    assert [said for said in told if not said.startswith(f"it: {path}") or said.endswith("..") or "\n" in said] == []


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("image", [{"bytes": b"\xff\xd8", "path": "a.jpg"}]),  # as Hugging Face's data sets store pictures
        ("image", [b"\xff\xd8\xff"]),
        ("url", [[A, B]]),
        ("path", [1.5]),
    ],
    ids=["struct", "bytes", "list", "number"],
)
def test_a_column_of_pictures_or_numbers_is_not_taken_for_addresses(
    tmp_path: Path, column: str, values: list[object]
) -> None:
    pq.write_table(pa.table({column: values}), tmp_path / "l.parquet")
    assert f"'{column}'" in complaint(tmp_path / "l.parquet")
