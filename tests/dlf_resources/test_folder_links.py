"""The folder source and what is no plain file: links, pipes, sockets, files and folders that may not be read."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from folder_photos import content, found, only, refusal
from local_sources import nobody_writes

from dlf_core.errors import SourceError
from dlf_core.project import Project
from dlf_core.sections import Bucket


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
    assert content(project, linked) == b"real"


def test_a_folder_that_is_itself_a_link_is_searched(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"there")
    (tmp_path / "photos").symlink_to("elsewhere")
    assert content(project, only(project)) == b"there"


def test_a_file_that_became_a_link_out_of_the_folder_since_it_was_found_is_refused(
    project: Project, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (photos / "a.jpg").write_bytes(b"harmless")
    candidate = only(project)
    (photos / "a.jpg").unlink()
    (photos / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    assert refusal(project, candidate)[0] == "outside_folder"


def test_a_file_of_another_line_of_the_same_bucket_is_no_part_of_this_folder(
    project: Project, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.jpg").write_bytes(b"there")
    (photos / "link.jpg").symlink_to("../others/a.jpg")
    both = found(project, Bucket(folders=["photos", "others"]))
    assert [(candidate.query, candidate.title) for candidate in both] == [("photos", "link.jpg"), ("others", "a.jpg")]
    assert refusal(project, both[0])[0] == "outside_folder"
    assert content(project, both[1]) == b"there"


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


def test_a_named_pipe_is_refused_without_waiting_for_a_writer(project: Project, photos: Path) -> None:
    with nobody_writes(photos / "pipe.jpg"):
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
