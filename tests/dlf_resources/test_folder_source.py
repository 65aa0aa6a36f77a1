"""The folder source: which files of a folder are candidates, in what order, and which may be read."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from folder_photos import SOURCE, found, only, refusal

from dlf_core.errors import SourceError
from dlf_core.project import Project
from dlf_resources.sources.files import path_of

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
