"""The urls source: paths and file: addresses are read, everything else is a row that says why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources import SOURCES, Candidate, left_out, sources_of
from dlf_resources.sources.urls import UrlsSource

SOURCE = UrlsSource()


def candidate_of(project: Project, line: str) -> Candidate:
    (candidate,) = SOURCE.candidates(project, Bucket(urls=[line]))
    return candidate


def fetched(project: Project, line: str) -> bytes:
    return SOURCE.fetch(project, candidate_of(project, line), 100)


def refusal(project: Project, line: str) -> tuple[str, str]:
    with pytest.raises(ImageRejected) as caught:
        fetched(project, line)
    return str(caught.value.state), caught.value.reason


NAMES = ["a b.jpg", "no\u00a0break.jpg", "100%.jpg", "%41.jpg", "größe.jpg", "a#1?x=2.jpg", "照片.jpg"]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_beside_the_yaml_is_taken_letter_by_letter(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"here")
    assert fetched(project, name) == b"here"
    assert candidate_of(project, name).title == name
    assert candidate_of(project, name).url.isascii()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_address_is_decoded_once(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"here")
    address = (tmp_path / name).as_uri()
    assert fetched(project, address) == b"here"
    assert candidate_of(project, address).url == address


@pytest.mark.parametrize("name", ["a b.jpg", "no\u00a0break.jpg", "größe.jpg"])
def test_a_file_address_need_not_be_encoded(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"here")
    assert fetched(project, f"file://{tmp_path}/{name}") == b"here"


def test_a_file_address_reaches_names_that_are_no_utf8(project: Project, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jpg")).write_bytes(b"here")
    assert fetched(project, f"{tmp_path.as_uri()}/a%FF.jpg") == b"here"


def test_path_and_address_of_one_file_are_one_candidate(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(b"x")
    ids = {
        candidate_of(project, line).candidate_id
        for line in ("a b.jpg", str(tmp_path / "a b.jpg"), f"file://{tmp_path}/a b.jpg")
    }
    assert len(ids) == 1


def test_a_relative_file_address_is_relative_to_the_yaml_as_a_path_is(
    project: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (tmp_path / "a.jpg").write_bytes(b"here")
    assert fetched(project, "file:a.jpg") == b"here"


def test_lines_keep_their_order(project: Project) -> None:
    lines = ["z.jpg", "https://example.org/a.jpg", "a.jpg"]
    assert [candidate.query for candidate in SOURCE.candidates(project, Bucket(urls=lines))] == lines


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "s3"])
def test_an_address_of_the_network_is_a_candidate_that_is_not_fetched(project: Project, scheme: str) -> None:
    line = f"{scheme}://example.org/a%20b.jpg?size=1"
    assert candidate_of(project, line).url == line
    reason = f"{scheme} addresses are not downloaded by this version; save the image and name its path"
    assert refusal(project, line) == ("not_fetched", reason)


def test_an_address_that_is_none_is_refused_and_stops_nothing(project: Project) -> None:
    assert refusal(project, "http://[not-an-address/a.jpg")[0] == "not_fetched"


def test_a_missing_file_is_unreadable(project: Project) -> None:
    assert candidate_of(project, "gone.jpg").version == ""
    assert refusal(project, "gone.jpg") == ("unreadable", "cannot be read: No such file or directory")


def test_a_folder_given_as_address_is_unreadable(project: Project, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    assert refusal(project, "x.jpg") == ("unreadable", "is not a regular file")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them")
def test_folders_given_as_addresses_leave_no_file_open(project: Project, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises((ImageRejected, OSError)):
            fetched(project, "x.jpg")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.usefixtures("soon")
def test_a_named_pipe_is_refused_without_waiting(project: Project, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refusal(project, "pipe.jpg") == ("unreadable", "is not a regular file")


def test_a_zero_byte_in_an_address_is_refused_and_stops_nothing(project: Project) -> None:
    assert refusal(project, "file:///tmp/a%00b.jpg")[0] == "unreadable"


def test_the_same_address_from_two_sources_is_two_candidates() -> None:
    first, second = Candidate("urls", "q", "file:///a.jpg"), Candidate("folder", "q", "file:///a.jpg")
    assert first.candidate_id != second.candidate_id
    assert len(first.candidate_id) == 32


def test_a_project_gets_the_sources_it_names_in_its_order(make_project: Callable[..., Project]) -> None:
    project = make_project(sources="[urls, duckduckgo, folder]")
    assert [source.name for source in sources_of(project)] == ["urls", "folder"]
    assert [source.name for source in sources_of(make_project())] == list(SOURCES) == ["folder", "urls"]


def test_what_no_source_reads_is_told_in_words() -> None:
    assert left_out(Bucket(queries=["a", "b"], videos=["c"], folders=["d"])) == ["2 search queries", "1 videos"]
    assert left_out(Bucket(folders=["d"], urls=["e"])) == []
