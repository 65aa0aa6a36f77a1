"""The folder source: which files of a folder are candidates, in what order, and which may be read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from folder_photos import content, found, only, refusal, source
from local_sources import candidates_of

from dlf_core.errors import SourceError
from dlf_core.project import Project
from dlf_core.sections import Bucket
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
    assert content(project, candidate) == b"content of it"
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


def test_the_lines_are_the_folders_of_the_bucket_and_nothing_else(project: Project) -> None:
    bucket = Bucket(queries=["cat"], videos=["v.mp4"], urls=["a.jpg"], folders=["b", "a"])
    assert source(project).lines(bucket) == ["b", "a"]
    assert source(project).lines(Bucket(queries=["cat"])) == []
    assert (source(project).remote, source(project).usual) == (False, None)


def test_a_folder_may_be_absolute_or_begin_at_home(
    project: Project, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (photos / "a.jpg").write_bytes(b"x")
    for line in (str(photos), "~/photos", "./photos/", "photos/../photos"):
        (candidate,) = found(project, Bucket(folders=[line]))
        assert candidate.query == line
        assert content(project, candidate) == b"x"


def test_files_of_ones_own_have_the_rights_that_the_project_says(
    make_project: Callable[..., Project], photos: Path
) -> None:
    (photos / "a.jpg").write_bytes(b"x")
    rights = {"license": "CC BY 4.0", "license_url": "https://example.org/by", "author": "Eve", "attribution": "by Eve"}
    said = "{" + ", ".join(f'{key}: "{value}"' for key, value in rights.items()) + "}"
    candidate = only(make_project(rights=said))
    assert {key: getattr(candidate, key) for key in rights} == rights
    silent = only(make_project())
    assert {getattr(silent, key) for key in rights} == {None}


def test_what_is_found_comes_one_by_one_so_that_a_gather_may_stop_early(project: Project, photos: Path) -> None:
    """The gather breaks off after so many: what lies in folders not yet entered is not looked at."""
    (photos / "a.jpg").write_bytes(b"x")
    (photos / "sub").mkdir()
    (photos / "sub" / "b.jpg").write_bytes(b"x")

    async def first_then_the_rest() -> list[str]:
        offered = source(project).find("photos", None)
        names = [(await anext(offered)).title]
        (photos / "sub" / "b.jpg").unlink()
        return names + [candidate.title async for candidate in offered]

    assert asyncio.run(first_then_the_rest()) == ["a.jpg"]


def test_three_hundred_folders_deep_is_searched(project: Project, photos: Path) -> None:
    deep = photos.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(b"x")
    assert len(candidates_of(source(project), "photos")) == 1
    assert content(project, only(project)) == b"x"
