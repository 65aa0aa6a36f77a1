"""The folder source: which files of a folder are candidates, in what order, and which may be read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from dlf_core.errors import ImageRejected, SourceError
from dlf_core.project import Bucket, Project
from dlf_resources.sources import Candidate
from dlf_resources.sources.files import path_of
from dlf_resources.sources.folder import FolderSource

SOURCE = FolderSource()
BUCKET = Bucket(folders=["photos"])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project()


def found(project: Project, bucket: Bucket = BUCKET) -> list[Candidate]:
    return list(SOURCE.candidates(project, bucket))


def only(project: Project) -> Candidate:
    (candidate,) = found(project)
    return candidate


def refusal(project: Project, candidate: Candidate, max_bytes: int = 100) -> tuple[str, str]:
    with pytest.raises(ImageRejected) as caught:
        SOURCE.fetch(project, candidate, max_bytes)
    return str(caught.value.state), caught.value.reason


ODD_NAMES = [
    "größe.jpg".encode(),
    "照片 1.JPG".encode(),
    b"two words.jpeg",
    "no\u00a0break.png".encode(),
    b"100%25 & #1?.webp",
    b"%41.jpg",
    b"not utf8 \xff\xfe.jpg",
    b"new\nline.jpg",
    b"quote'\".jpg",
    "e\u0301.jpg".encode(),
    "\u00e9.jpg".encode(),
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=[repr(name) for name in ODD_NAMES])
def test_a_file_of_any_name_is_found_addressed_in_ascii_and_read(project: Project, photos: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(photos) + b"/" + name))
    path.write_bytes(b"content of it")
    candidate = only(project)
    assert candidate.url.startswith("file:///")
    assert candidate.url.isascii()
    assert unquote_to_bytes(candidate.url).endswith(b"/photos/" + name)
    assert path_of(candidate.url) == path
    assert SOURCE.fetch(project, candidate, 100) == b"content of it"
    candidate.title.encode("utf-8")  # a table takes it


def test_bytes_that_are_no_utf8_are_question_marks_in_the_title(project: Project, photos: Path) -> None:
    Path(os.fsdecode(os.fsencode(photos) + b"/a\xff.jpg")).write_bytes(b"x")
    assert only(project).title == "a?.jpg"


def test_files_come_sorted_with_sub_folders_after_the_files_above_them(project: Project, photos: Path) -> None:
    for name in ("b.jpg", "a.jpg", "sub/z.jpg", "sub/A.jpg", "sub/deeper/x.jpg", "another/c.jpg", "a10.jpg", "a9.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"x")
    names = [path_of(candidate.url).relative_to(photos).as_posix() for candidate in found(project)]
    assert names == [
        "a.jpg",
        "a10.jpg",
        "a9.jpg",
        "b.jpg",
        "another/c.jpg",
        "sub/A.jpg",
        "sub/z.jpg",
        "sub/deeper/x.jpg",
    ]


def test_hidden_files_hidden_folders_and_other_endings_are_passed_over(project: Project, photos: Path) -> None:
    for name in (".hidden.jpg", ".git/x.jpg", "notes.txt", "jpg", "a.jpg.part", "._a.jpg", "kept.JPeG"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    assert only(project).title == "kept.JPeG"


def test_a_folder_called_like_a_picture_is_searched_and_is_no_candidate(project: Project, photos: Path) -> None:
    (photos / "x.jpg").mkdir()
    (photos / "x.jpg" / "inside.png").write_bytes(b"x")
    assert [candidate.title for candidate in found(project)] == ["inside.png"]


def test_a_link_out_of_the_folder_is_refused_and_its_target_not_read(
    project: Project, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (photos / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    assert refusal(project, only(project)) == ("outside_folder", "is a link that leads out of the folder")


def test_a_link_to_a_sibling_whose_name_begins_alike_is_outside(project: Project, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "photos-private").mkdir()
    (tmp_path / "photos-private" / "a.jpg").write_bytes(b"secret")
    (photos / "link.jpg").symlink_to("../photos-private/a.jpg")
    assert refusal(project, only(project))[0] == "outside_folder"


def test_a_link_within_the_folder_is_read(project: Project, photos: Path) -> None:
    (photos / "real.jpg").write_bytes(b"real")
    (photos / "link.jpg").symlink_to("real.jpg")
    linked = next(candidate for candidate in found(project) if candidate.title == "link.jpg")
    assert SOURCE.fetch(project, linked, 100) == b"real"


def test_a_folder_that_is_itself_a_link_is_searched(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"there")
    (tmp_path / "photos").symlink_to("elsewhere")
    assert SOURCE.fetch(project, only(project), 100) == b"there"


def test_links_to_folders_are_not_entered_so_circles_end(project: Project, photos: Path) -> None:
    (photos / "a.jpg").write_bytes(b"x")
    (photos / "circle").symlink_to(photos)
    assert [candidate.title for candidate in found(project)] == ["a.jpg"]


@pytest.mark.parametrize("target", ["nowhere.jpg", "loop.jpg"])
def test_a_link_that_leads_nowhere_or_to_itself_is_unreadable(project: Project, photos: Path, target: str) -> None:
    (photos / "loop.jpg").symlink_to(target)
    candidate = only(project)
    assert candidate.version == ""
    assert refusal(project, candidate)[0] == "unreadable"


@pytest.mark.usefixtures("soon")
def test_a_named_pipe_is_refused_without_waiting_for_a_writer(project: Project, photos: Path) -> None:
    os.mkfifo(photos / "pipe.jpg")
    assert refusal(project, only(project)) == ("unreadable", "is not a regular file")


def test_a_socket_is_refused(project: Project, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("talk.jpg")
        assert refusal(project, only(project))[0] == "unreadable"


def test_a_file_without_read_permission_is_unreadable_and_the_reason_says_so(
    project: Project, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    (public_folder / "a.jpg").write_bytes(b"x")
    (public_folder / "a.jpg").chmod(0o000)
    (candidate,) = found(project, Bucket(folders=[str(public_folder)]))
    with as_nobody():
        assert refusal(project, candidate) == ("unreadable", "cannot be read: Permission denied")


def test_a_folder_without_read_permission_is_an_error_and_not_an_empty_bucket(
    project: Project, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    closed = public_folder / "closed"
    closed.mkdir()
    (closed / "a.jpg").write_bytes(b"x")
    closed.chmod(0o000)
    with as_nobody(), pytest.raises(SourceError, match="closed"):
        found(project, Bucket(folders=[str(closed)]))


def test_a_file_larger_than_the_limit_is_refused_before_it_is_read(project: Project, photos: Path) -> None:
    with (photos / "huge.jpg").open("wb") as file:
        file.truncate(1 << 40)
    state, reason = refusal(project, only(project), 1000)
    assert (state, reason) == ("too_large", "1,099,511,627,776 bytes; the limit is 1,000 (thresholds.max_bytes)")


def test_a_file_that_is_gone_by_now_is_unreadable(project: Project, photos: Path) -> None:
    (photos / "a.jpg").write_bytes(b"x")
    candidate = only(project)
    (photos / "a.jpg").unlink()
    assert refusal(project, candidate) == ("unreadable", "cannot be read: No such file or directory")


def test_a_missing_folder_names_the_yaml_and_the_folder(project: Project) -> None:
    with pytest.raises(SourceError) as caught:
        found(project)
    assert str(caught.value) == (
        f"{project.file}: folder 'photos' does not exist (looked at {project.file.parent / 'photos'})."
    )


def test_a_file_given_as_folder_is_told_where_it_belongs(project: Project, tmp_path: Path) -> None:
    (tmp_path / "photos").write_bytes(b"x")
    with pytest.raises(SourceError, match="is a file, not a folder; name it under urls:"):
        found(project)


def test_the_version_changes_with_the_content_and_the_candidate_stays(project: Project, photos: Path) -> None:
    (photos / "a.jpg").write_bytes(b"one")
    before = only(project)
    assert before == only(project)
    (photos / "a.jpg").write_bytes(b"three")
    after = only(project)
    assert after.candidate_id == before.candidate_id
    assert after.version != before.version
