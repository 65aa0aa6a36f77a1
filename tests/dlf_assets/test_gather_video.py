"""Video files through the gather: frames become images, once; what the settings say; what is told when it cannot be."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import video_files
from PIL import Image
from video_bucket import VideoBucket
from video_files import CUTS, HEIGHT, WIDTH, Films
from workspaces import TestWorkspace


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


@pytest.fixture
def bucket(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[VideoBucket]:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        yield VideoBucket(workspace, instance)


def in_scenes(bucket: VideoBucket) -> list[int]:
    """The scene of each image kept."""
    return [sum(at >= cut for cut in CUTS) for at in bucket.seconds()]


# frames become images


def test_each_scene_of_a_video_becomes_an_image_with_title_and_time(bucket: VideoBucket, films: Films) -> None:
    video = shutil.copy(films["scenes.mp4"], bucket.folder / "my film.mp4")
    made = bucket.gather(["my film.mp4"])
    assert made["counts"] == {"kept": 3}
    assert in_scenes(bucket) == [0, 1, 2]
    for row, at in zip(bucket.kept(), bucket.seconds(), strict=True):
        assert row["title"] == f"my film.mp4 at {at:.3f} s"
        assert row["url"] == f"{Path(video).as_uri()}#t={at:.3f}"
        assert (row["source"], row["query"]) == ("video", "my film.mp4")
        assert (row["width"], row["height"], row["format"]) == (WIDTH, HEIGHT, "JPEG")
        picture = Image.open(io.BytesIO(bucket.raw(row).read_bytes()))
        assert picture.size == (WIDTH, HEIGHT)
    assert bucket.left_over() == []
    assert made["sources"] == {"video": {"kept": 3}}


def test_the_real_video_gives_its_six_scenes(bucket: VideoBucket) -> None:
    assert bucket.gather([str(video_files.bikes())])["counts"] == {"kept": 6}
    starts = video_files.BIKES_CUTS
    assert [sum(at >= start for start in starts) for at in bucket.seconds()] == [1, 2, 3, 4, 5, 6]


def test_frames_of_one_video_are_one_group_and_two_videos_are_two(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"]), str(video_files.bikes())])
    groups = [row["group"] for row in bucket.kept()]
    assert len(groups) == 9
    assert None not in groups
    assert len(set(groups[:3])) == len(set(groups[3:])) == 1
    assert len(set(groups)) == 2


@pytest.mark.parametrize("how", ["{path}", "{uri}", "./{name}", "{name}", "file:{name}", "FILE://{path}"])
def test_a_video_is_named_as_any_file_is(bucket: VideoBucket, films: Films, how: str) -> None:
    path = Path(shutil.copy(films["one.mp4"], bucket.folder / "a.mp4"))
    bucket.gather([how.format(path=path, uri=path.as_uri(), name=path.name)])
    assert len(bucket.kept()) == 1


def test_one_video_named_twice_gives_its_frames_once(bucket: VideoBucket, films: Films) -> None:
    path = shutil.copy(films["scenes.mp4"], bucket.folder / "a.mp4")
    assert bucket.gather(["a.mp4", str(path), "a.mp4"])["counts"] == {"kept": 3}


def test_a_no_break_space_in_a_screen_recording_is_matched_by_a_typed_one(bucket: VideoBucket, films: Films) -> None:
    name = "Screen Recording 2024-05-01 at 9.41.00\u202fAM\u00a0copy.mp4"
    shutil.copy(films["one.mp4"], bucket.folder / name)
    bucket.gather(["Screen Recording 2024-05-01 at 9.41.00 AM copy.mp4"])
    (row,) = bucket.kept()
    assert row["title"].startswith(name)


def test_the_name_that_is_there_goes_before_one_that_looks_the_same(bucket: VideoBucket, films: Films) -> None:
    shutil.copy(films["scenes.mp4"], bucket.folder / "a\u00a0b.mp4")
    shutil.copy(films["one.mp4"], bucket.folder / "a b.mp4")
    bucket.gather(["a b.mp4"])
    assert len(bucket.kept()) == 1


# settings


def test_fps_takes_a_frame_every_so_often(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"])], video="{frames: fps, fps: 2}")
    # 5.2 s are ten halves and a bit
    assert [int(2 * at) for at in bucket.seconds()] == list(range(11))


def test_fps_above_the_first_look_is_kept_too(bucket: VideoBucket, films: Films) -> None:
    """25 frames a second, all different, of which 12.5 are asked for: every other."""
    bucket.gather([str(films["scenes.mp4"])], video="{frames: fps, fps: 12.5, drop_blurred: false}")
    assert len(bucket.rows()) >= 60


def test_max_frames_spreads_them(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"])], video="{frames: fps, fps: 4, max_frames: 3}")
    times = bucket.seconds()
    assert len(times) == 3
    assert times[0] < 1 < times[1] < 4 < times[2]


def test_a_blurred_scene_is_dropped_unless_it_is_wanted(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["blurred.mp4"])])
    assert in_scenes(bucket) == [0, 2]
    bucket.gather([str(films["blurred.mp4"])], video="{drop_blurred: false}")
    assert in_scenes(bucket) == [0, 1, 2]


def test_max_per_query_holds_for_a_video(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"])], config={"max_per_query": 2})
    assert len(bucket.kept()) == 2


def test_the_rights_of_the_projects_own_files_are_those_of_its_videos(bucket: VideoBucket, films: Films) -> None:
    """Also when they are written down after the first gather."""
    bucket.gather([str(films["scenes.mp4"])])
    assert {row["license"] for row in bucket.kept()} == {None}
    bucket.gather([str(films["scenes.mp4"])], rights="{license: CC-BY-4.0, author: Ada}")
    assert {(row["license"], row["author"]) for row in bucket.kept()} == {("CC-BY-4.0", "Ada")}


# a second time


def spoil(path: Path) -> None:
    """Zeros instead of the video; size and time as they were, so that only who reads it notices."""
    seen = path.stat()
    path.write_bytes(bytes(seen.st_size))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def test_a_second_gather_looks_at_nothing_again(bucket: VideoBucket, films: Films) -> None:
    video = Path(shutil.copy(films["scenes.mp4"], bucket.folder / "a.mp4"))
    bucket.gather(["a.mp4"])
    before = bucket.rows()
    spoil(video)
    again = bucket.gather()
    assert again["computed"] == 0
    assert bucket.rows() == before
    assert bucket.left_over() == []


def test_new_settings_look_anew_and_leave_no_row_of_the_old_that_failed(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"])])
    bucket.gather([str(films["scenes.mp4"])], video="{frames: fps, fps: 2}")
    assert {int(2 * at) for at in bucket.seconds()} == set(range(11))
    bucket.gather([str(films["scenes.mp4"])], video="{max_frames: 2}")
    assert {row["state"] for row in bucket.rows()} <= {"kept", "duplicate"}
    assert bucket.gather()["computed"] == 0


def test_another_file_of_the_same_name_is_looked_at_anew(bucket: VideoBucket, films: Films) -> None:
    video = shutil.copy(films["one.mp4"], bucket.folder / "a.mp4")
    bucket.gather(["a.mp4"])
    assert len(bucket.kept()) == 1
    shutil.copy(films["scenes.mp4"], video)
    bucket.gather()
    assert set(in_scenes(bucket)) == {0, 1, 2}
    assert {row["state"] for row in bucket.rows()} <= {"kept", "duplicate"}


def test_a_frame_that_was_deleted_is_made_anew_and_is_the_same(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"])])
    before = bucket.kept()
    gone = bucket.raw(before[1])
    content = gone.read_bytes()
    gone.unlink()
    assert bucket.gather()["computed"] == 1
    assert gone.read_bytes() == content
    assert [row["image_id"] for row in bucket.kept()] == [row["image_id"] for row in before]
    assert bucket.left_over() == []


def test_a_video_that_is_no_longer_named_takes_its_frames_along(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["scenes.mp4"]), str(films["one.mp4"])])
    bucket.gather([str(films["one.mp4"])])
    assert {row["query"] for row in bucket.rows()} == {str(films["one.mp4"])}


# what cannot be


def test_a_file_that_is_not_there_is_told_with_file_and_yaml(bucket: VideoBucket) -> None:
    assert bucket.gather(["nowhere/my film.mp4"]) is None
    said = bucket.failure()
    assert f"{bucket.folder / 'p.yaml'}: video 'nowhere/my film.mp4' does not exist" in said
    assert str(bucket.folder / "nowhere" / "my film.mp4") in said
    assert "\n" not in said.strip()


@pytest.mark.parametrize("line", ["x" * 300 + ".mp4", "clips", "youtube.com/watch?v=1", "~nobody/x.mp4"])
def test_a_line_that_is_no_file_is_told_in_one_sentence(bucket: VideoBucket, line: str) -> None:
    (bucket.folder / "clips").mkdir()
    assert bucket.gather([line]) is None
    said = bucket.failure()
    assert f"{bucket.folder / 'p.yaml'}: video '{line}'" in said
    assert "\n" not in said.strip()


@pytest.mark.parametrize("name", ["text.mp4", "sound.m4a", "headless.mp4"])
def test_a_file_that_is_no_video_stops_no_other(bucket: VideoBucket, films: Films, name: str) -> None:
    bucket.gather([str(films[name]), str(films["scenes.mp4"])])
    assert bucket.factory.result.success
    assert len(bucket.kept()) == 3
    assert "video failed (1 of its searches)" in bucket.said()


def test_when_no_video_gives_anything_the_run_fails_and_says_why(bucket: VideoBucket, films: Films) -> None:
    bucket.gather([str(films["sound.m4a"])])
    assert "there is no video in it, only sound" in bucket.said()


def test_without_the_extra_the_sentence_says_what_to_install(
    bucket: VideoBucket, films: Films, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = str(films["scenes.mp4"])
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "dlf_resources.videos.frames", raising=False)
    bucket.gather([film])
    assert "pip install 'data-label-factory[video]'" in bucket.said()


def test_a_bucket_without_videos_needs_no_extra(bucket: VideoBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("av", "yt_dlp"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("frames", "fetch", "choice"):
        monkeypatch.delitem(sys.modules, f"dlf_resources.videos.{name}", raising=False)
    bucket.factory.add("184324")
    assert bucket.gather([])["counts"] == {"kept": 1}
