"""The urls source: paths, file: addresses and addresses of the web; what cannot be had is a row that says why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_sources import around, candidates_of, content_of, download_of, nobody_writes, refusal_of
from model_servers.loopback import status
from web_servers.loopback import Web

from dlf_core.errors import ImageRejected, Unfetched
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources import SOURCES, Candidate, sources_of
from dlf_resources.sources.urls import UrlsSource


def candidate_of(project: Project, line: str) -> Candidate:
    (candidate,) = candidates_of(UrlsSource(around(project)), line)
    return candidate


def fetched(project: Project, line: str) -> bytes:
    return content_of(UrlsSource(around(project)), candidate_of(project, line))


def refusal(project: Project, line: str) -> tuple[str, str]:
    return refusal_of(UrlsSource(around(project)), candidate_of(project, line))


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


def test_the_lines_are_the_addresses_of_the_bucket_in_their_order(project: Project) -> None:
    lines = ["z.jpg", "https://example.org/a.jpg", "a.jpg"]
    source = UrlsSource(around(project))
    assert source.lines(Bucket(queries=["cat"], folders=["f"], videos=["v"], urls=lines)) == lines
    assert [candidate.query for line in lines for candidate in candidates_of(source, line)] == lines
    assert (source.remote, source.usual) == (False, None)


@pytest.mark.parametrize("scheme", ["FILE", "File"])
def test_a_file_address_is_one_in_whatever_case(project: Project, tmp_path: Path, scheme: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"here")
    assert fetched(project, f"{scheme}://{tmp_path}/a.jpg") == b"here"


def test_files_of_ones_own_have_the_rights_that_the_project_says(make_project: Callable[..., Project]) -> None:
    project = make_project(rights='{license: "CC0", author: "Eve"}')
    assert (candidate_of(project, "a.jpg").license, candidate_of(project, "a.jpg").author) == ("CC0", "Eve")


def test_pictures_of_the_web_have_not_the_rights_of_the_projects_own_files(
    make_project: Callable[..., Project],
) -> None:
    found = candidate_of(make_project(rights='{license: "CC0", author: "Eve"}'), "https://example.org/a.jpg")
    assert (found.license, found.author, found.attribution, found.license_url) == (None, None, None, None)


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


def test_a_named_pipe_is_refused_without_waiting(project: Project, tmp_path: Path) -> None:
    with nobody_writes(tmp_path / "pipe.jpg"):
        assert refusal(project, "pipe.jpg") == ("unreadable", "is not a regular file")


def test_a_zero_byte_in_an_address_is_refused_and_stops_nothing(project: Project) -> None:
    assert refusal(project, "file:///tmp/a%00b.jpg")[0] == "unreadable"


def test_the_same_address_from_two_sources_is_two_candidates() -> None:
    first, second = Candidate("urls", "q", "file:///a.jpg"), Candidate("folder", "q", "file:///a.jpg")
    assert first.candidate_id != second.candidate_id
    assert len(first.candidate_id) == 32


EVERY = Bucket(queries=["cat"], videos=["v.mp4"], folders=["f"], urls=["a.jpg"])


def names(project: Project, bucket: Bucket) -> list[str]:
    return [source.name for source in sources_of(around(project), bucket)]


def test_a_bucket_gets_the_sources_that_the_project_names_in_its_order(make_project: Callable[..., Project]) -> None:
    project = make_project(sources="[video, urls, duckduckgo, folder]")
    assert names(project, EVERY) == ["video", "urls", "duckduckgo", "folder"]
    assert names(make_project(), EVERY) == list(SOURCES)
    assert list(SOURCES) == ["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"]


def test_a_source_named_twice_is_asked_once(make_project: Callable[..., Project]) -> None:
    assert names(make_project(sources="[folder, folder]"), EVERY) == ["folder"]


def test_a_bucket_gets_no_source_that_it_has_no_lines_for(make_project: Callable[..., Project]) -> None:
    assert names(make_project(), Bucket(folders=["d"])) == ["folder"]
    assert names(make_project(), Bucket(urls=["e"], folders=["d"])) == ["folder", "urls"]
    assert names(make_project(), Bucket(queries=["q"])) == ["duckduckgo", "wikimedia", "openverse"]
    assert names(make_project(), Bucket(videos=["v"])) == ["video"]


def test_every_source_bears_the_name_it_is_registered_under(project: Project) -> None:
    assert {name: made(around(project)).name for name, made in SOURCES.items()} == {name: name for name in SOURCES}


class Pictures(Web):
    """A host of files, without a search."""

    def knows(self, path: str) -> bool:
        return False


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with Pictures() as server:
        yield server


def downloaded(project: Project, line: str, max_bytes: int = 100) -> bytes:
    surroundings = around(project, loopback=True)
    return download_of(UrlsSource(surroundings), surroundings, candidate_of(project, line), max_bytes)


def test_an_address_of_the_web_is_downloaded_with_its_query_and_escapes(project: Project, pictures: Pictures) -> None:
    url = pictures.serve("/a%20b.jpg", b"from afar") + "?size=1&name=%C3%A9"
    assert candidate_of(project, url).url == url
    assert downloaded(project, url) == b"from afar"
    assert [request.path for request in pictures.requests] == ["/a%20b.jpg?size=1&name=%C3%A9"]


def test_a_download_that_is_not_there_is_a_row_with_its_status(project: Project, pictures: Pictures) -> None:
    with pytest.raises(Unfetched) as caught:
        downloaded(project, f"{pictures.url}/gone.jpg")
    assert (caught.value.state, caught.value.status) == ("http_error", 404)


def test_a_download_over_the_limit_of_bytes_is_too_large(project: Project, pictures: Pictures) -> None:
    url = pictures.serve("/a.jpg", bytes(1001))
    assert downloaded(project, pictures.serve("/b.jpg", bytes(1000)), 1000) == bytes(1000)
    with pytest.raises(Unfetched) as caught:
        downloaded(project, url, 1000)
    assert caught.value.state == "too_large"


def test_an_address_of_this_machine_is_refused_and_nothing_is_sent(project: Project, pictures: Pictures) -> None:
    url = pictures.serve("/a.jpg", b"mine")
    surroundings = around(project)
    with pytest.raises(Unfetched) as caught:
        download_of(UrlsSource(surroundings), surroundings, candidate_of(project, url))
    assert caught.value.state == "forbidden_address"
    assert pictures.requests == []


@pytest.mark.parametrize("line", ["ftp://example.org/a.jpg", "s3://bucket/a.jpg", "http://[not-an-address/a.jpg"])
def test_an_address_that_is_none_of_the_web_is_refused_and_stops_nothing(project: Project, line: str) -> None:
    assert candidate_of(project, line).url == line
    surroundings = around(project)
    with pytest.raises(Unfetched) as caught:
        download_of(UrlsSource(surroundings), surroundings, candidate_of(project, line))
    assert caught.value.state == "forbidden_address"


def test_a_download_that_leads_to_a_file_of_this_machine_is_refused(
    project: Project, pictures: Pictures, tmp_path: Path
) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    pictures.serve("/a.jpg", b"")
    pictures.always("/a.jpg", status(302, Location=(tmp_path / "secret.jpg").as_uri()))
    with pytest.raises(Unfetched) as caught:
        downloaded(project, f"{pictures.url}/a.jpg")
    assert caught.value.state == "forbidden_address"
