"""Pictures out of video files: which, when, upright and with square pixels; and what is no video is told so."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import video_files
from PIL import Image
from video_files import CUTS, HEIGHT, WIDTH, Films
from video_host import forbidden

from dlf_resources.videos.choice import Taste, cuts
from dlf_resources.videos.frames import Picture, VideoRejected, look, pictures


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


def taken(path: Path, **taste: object) -> list[Picture]:
    return list(pictures(path, Taste(**taste)))  # type: ignore[arg-type]


def refusal(path: Path, **taste: object) -> str:
    with pytest.raises(VideoRejected) as caught:
        taken(path, **taste)
    return str(caught.value)


def likeness(picture: Picture, frame: np.ndarray) -> float:
    """Mean absolute difference of grey levels, small."""
    small = [np.asarray(Image.fromarray(one).convert("L").resize((60, 34))) for one in (picture.pixels, frame)]
    return float(np.abs(small[0].astype(int) - small[1]).mean())


# which frames


def test_a_real_video_gives_one_picture_of_each_of_its_six_scenes() -> None:
    video = video_files.bikes()
    assert cuts(look(video, Taste()), 0.6) == pytest.approx(video_files.BIKES_CUTS[1:], abs=0.05)
    times = [one.seconds for one in taken(video)]
    assert len(times) == 6
    bounds = itertools.pairwise([*video_files.BIKES_CUTS, 99.0])
    assert all(first <= at < after for at, (first, after) in zip(times, bounds, strict=True))


def test_each_scene_gives_the_picture_that_was_there_at_its_time(films: Films) -> None:
    found = taken(films["scenes.mp4"])
    frames = video_files.three_scenes()
    assert [sum(one.seconds >= cut for cut in CUTS) for one in found] == [0, 1, 2]
    assert all(likeness(one, frames[round(one.seconds * 25)]) < 3 for one in found)
    assert {one.pixels.shape for one in found} == {(HEIGHT, WIDTH, 3)}
    assert all(one.pixels.flags["C_CONTIGUOUS"] and one.pixels.dtype == np.uint8 for one in found)


def test_every_so_many_seconds_wherever_scenes_start(films: Films) -> None:
    times = [one.seconds for one in taken(films["scenes.mp4"], every=1.0, scenes=False)]
    assert [int(at) for at in times] == [0, 1, 2, 3, 4, 5]


def test_time_that_does_not_pass_evenly_is_the_containers_time(films: Films) -> None:
    found = taken(films["uneven.mp4"])
    assert [sum(one.seconds >= cut for cut in (1.0, 4.0)) for one in found] == [0, 1, 2]
    assert found[-1].seconds < 6.01
    assert cuts(look(films["uneven.mp4"], Taste()), 0.6) == pytest.approx([1.0, 4.0], abs=0.001)


def test_time_is_counted_from_the_start_whatever_the_clock_shows(films: Films) -> None:
    with av.open(str(films["late.mkv"])) as container:
        assert container.streams.video[0].start_time == 10_000
    late, found = taken(films["late.mkv"]), taken(films["scenes.mp4"])
    assert [one.seconds for one in late] == pytest.approx([one.seconds for one in found])
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(late, found, strict=True))


def test_a_camera_that_stands_still_gives_one_picture(films: Films) -> None:
    assert len(taken(films["static.mp4"], every=1.0)) == 1
    assert len(taken(films["static.mp4"], every=1.0, same=0)) == 4


def test_a_scene_out_of_focus_is_dropped_unless_asked_for(films: Films) -> None:
    scenes = [sum(one.seconds >= cut for cut in CUTS) for one in taken(films["blurred.mp4"])]
    assert scenes == [0, 2]
    assert len(taken(films["blurred.mp4"], blur=0)) == 3


def test_at_most_so_many(films: Films) -> None:
    times = [one.seconds for one in taken(films["scenes.mp4"], every=0.5, max_frames=3)]
    assert len(times) == 3
    assert times[0] < 0.5 < 2 < times[1] < 4 < times[2]


def test_no_further_than_so_many_seconds(films: Films) -> None:
    assert all(one.seconds <= 2.5 for one in taken(films["scenes.mp4"], every=0.5, max_seconds=2.5))


@pytest.mark.parametrize("name", ["one.mp4", "grey.mp4"])
def test_a_video_of_one_frame_or_one_colour_gives_one_picture(films: Films, name: str) -> None:
    assert len(taken(films[name])) == 1


@pytest.mark.parametrize("name", ["scenes.mp4", "scenes.mkv", "scenes.ts", "scenes.avi", "scenes.flv", "scenes.mov"])
def test_the_same_pictures_in_every_container(films: Films, name: str) -> None:
    found = taken(films[name])
    frames = video_files.three_scenes()
    assert [sum(one.seconds >= cut - 0.001 for cut in CUTS) for one in found] == [0, 1, 2]
    # AVI has no times of its own for H.264: a frame off is not the reader's
    near = 1 if name == "scenes.avi" else 0
    for one in found:
        at = round(one.seconds * 25)
        assert min(likeness(one, frame) for frame in frames[at - near : at + near + 1]) < 3


def test_seeking_and_decoding_all_give_the_same(films: Films) -> None:
    """Far apart in a file with an index it is sought; what comes is what was looked at."""
    apart = taken(films["long.mp4"], max_frames=2, every=1.0, same=0)
    all_of_them = taken(films["long.mp4"], every=1.0, same=0)
    assert apart[1].seconds - apart[0].seconds > 3
    for one in apart:
        (twin,) = [other for other in all_of_them if other.seconds == one.seconds]
        assert np.array_equal(one.pixels, twin.pixels)


# upright, square pixels


def corners(picture: Picture) -> list[str]:
    """Where the white corner is."""
    grey = picture.pixels.mean(2)
    parts = {"top left": grey[:20, :20], "top right": grey[:20, -20:]}
    parts |= {"bottom left": grey[-20:, :20], "bottom right": grey[-20:, -20:]}
    return [name for name, part in parts.items() if part.mean() > 240]


@pytest.mark.parametrize("name", ["upright", "turned-90", "turned-180", "turned-270", "mirrored"])
def test_a_picture_is_turned_and_mirrored_as_a_player_shows_it(films: Films, name: str) -> None:
    # counter-clockwise, as ffmpeg's -display_rotation
    where = {
        "upright": "top left",
        "turned-90": "bottom left",
        "turned-180": "bottom right",
        "turned-270": "top right",
        "mirrored": "top right",
    }
    (picture,) = taken(films[f"{name}.mp4"])
    assert corners(picture) == [where[name]]
    sideways = name in ("turned-90", "turned-270")
    assert picture.pixels.shape[:2] == ((WIDTH, HEIGHT) if sideways else (HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("wide.mp4", (HEIGHT, WIDTH * 4 // 3)),
        ("narrow.mp4", (round(HEIGHT * 4 / 3), WIDTH)),
        ("odd.mkv", (99, 175)),
    ],
)
def test_pixels_are_square_and_odd_sizes_whole(films: Films, name: str, shape: tuple[int, int]) -> None:
    (picture,) = taken(films[name])
    assert picture.pixels.shape == (*shape, 3)
    frame = video_files.panned(1, 10)[round(picture.seconds * 25)]
    assert likeness(picture, frame[:99, :175] if name == "odd.mkv" else frame) < 4


@pytest.mark.parametrize("tall", [True, False])
def test_a_shape_of_pixels_that_nobody_means_makes_no_giant_of_a_small_frame(tmp_path: Path, tall: bool) -> None:
    """16 × 1000 pixels, each said to be 999 times as wide as high: a few kB must not ask for gigabytes."""
    draw = np.random.default_rng(0)
    frame = draw.integers(0, 256, (1000, 16, 3) if tall else (16, 1000, 3), dtype=np.uint8)
    path = video_files.encode(tmp_path / "absurd.mp4", [frame], aspect=Fraction(999) if tall else Fraction(1, 999))
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio in (Fraction(999), Fraction(1, 999))
    try:
        found = taken(path, max_pixels=1_000_000)
    except VideoRejected:
        return
    assert all(one.pixels.size <= 3 * 1_000_000 for one in found)


# damaged


def test_of_a_video_that_was_cut_off_the_rest_is_taken(films: Films) -> None:
    assert [sum(one.seconds >= cut for cut in CUTS) for one in taken(films["cut_off.mp4"])] == [0, 1]


def test_of_a_scratched_video_the_same_frames_are_taken_at_every_run(films: Films) -> None:
    runs = [look(films["scratched.mp4"], Taste()).times for _ in range(4)]
    assert runs[1:] == runs[:-1]
    assert 0 < len(runs[0]) < 200  # of 250


@pytest.fixture(scope="session")
def every_frame() -> dict[float, Picture]:
    """Of the real video, by time."""
    found = taken(video_files.bikes(), every=0.01, looks=25.0, same=0, blur=0, max_frames=999)
    assert len(found) == 250
    return {one.seconds: one for one in found}


@pytest.mark.parametrize("at", [150_000, 200_000, 250_000])
def test_what_is_guessed_from_a_damaged_frame_is_not_taken(
    tmp_path: Path, every_frame: dict[float, Picture], at: int
) -> None:
    """A sector of the disk is lost: until the next keyframe, frames show what the decoder made up for it."""
    content = bytearray(video_files.bikes().read_bytes())
    content[at : at + 4096] = bytes(4096)
    (tmp_path / "hole.mp4").write_bytes(content)
    found = taken(tmp_path / "hole.mp4", every=1.0)
    assert len(found) >= 8
    assert [one.seconds for one in found if likeness(one, every_frame[one.seconds].pixels) > 4] == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("headless.mp4", "not a video, or cut off"),
        ("empty.mp4", "not a video, or cut off"),
        ("text.mp4", "not a video, or cut off"),
        ("noise.mp4", "not a video, or cut off"),
        ("sound.m4a", "only sound"),
        ("cover.mp4", "only sound"),
    ],
)
def test_what_is_no_video_is_told_in_one_sentence(films: Films, name: str, why: str) -> None:
    said = refusal(films[name])
    assert str(films[name]) in said
    assert why in said
    assert "\n" not in said


def test_a_file_that_is_not_there_or_a_folder_is_told_too(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nowhere.mp4")
    assert refusal(tmp_path)


def test_a_photo_is_no_video(tmp_path: Path) -> None:
    Image.fromarray(video_files.panned(1, 1)[0]).save(tmp_path / "photo.jpg")
    (tmp_path / "photo.jpg").rename(tmp_path / "photo.mp4")
    assert "not a video" in refusal(tmp_path / "photo.mp4")


def test_frames_of_too_many_pixels_are_refused(films: Films) -> None:
    assert f"{WIDTH} × {HEIGHT} is more than" in refusal(films["scenes.mp4"], max_pixels=WIDTH * HEIGHT - 1)
    assert taken(films["scenes.mp4"], max_pixels=WIDTH * HEIGHT)


def test_a_name_of_any_letters_is_opened(films: Films, tmp_path: Path) -> None:
    for name in ("a b.mp4", "file:x.mp4", "%d.mp4", "a\u00a0b.mp4", "-i.mp4", "照片#?.mp4", "http:x.mp4"):
        (tmp_path / name).write_bytes(films["one.mp4"].read_bytes())
        assert len(taken(tmp_path / name)) == 1, name


# files that name other files


@pytest.mark.parametrize("name", video_files.playlists(""))
def test_a_playlist_whatever_its_name_opens_nothing_in_the_network(tmp_path: Path, name: str) -> None:
    with forbidden(socket.AF_INET, "127.0.0.1") as (port, came):
        text = video_files.playlists(f"http://127.0.0.1:{port}/video.ts")[name]
        (tmp_path / name).write_text(text, encoding="utf-8")
        refusal(tmp_path / name)
    assert came == []


@pytest.mark.parametrize("name", video_files.playlists(""))
def test_a_playlist_whatever_its_name_opens_no_other_file_here(films: Films, tmp_path: Path, name: str) -> None:
    for address in (films["scenes.ts"].as_uri(), str(films["scenes.ts"]), "scenes.ts"):
        (tmp_path / "scenes.ts").write_bytes(films["scenes.ts"].read_bytes())
        (tmp_path / name).write_text(video_files.playlists(address)[name], encoding="utf-8")
        refusal(tmp_path / name)


def test_the_playlists_would_lead_there_if_they_were_followed(films: Films, tmp_path: Path) -> None:
    """Else the two tests above would show nothing."""
    for name in ("hls.m3u8", "concat.ffconcat"):
        (tmp_path / "scenes.ts").write_bytes(films["scenes.ts"].read_bytes())
        (tmp_path / name).write_text(video_files.playlists("scenes.ts")[name], encoding="utf-8")
        with av.open(str(tmp_path / name)) as container:
            assert next(container.decode(video=0)).width == WIDTH


# memory and noise


def test_of_two_fields_the_first_is_taken(films: Films) -> None:
    (picture,) = taken(films["interlaced.ts"])
    at = round(picture.seconds * 25)
    first, second = video_files.panned(1, 10)[at], video_files.panned(2, 10)[at]
    assert likeness(picture, first) < 10 < likeness(picture, second)


def test_memory_does_not_grow_with_the_length(films: Films) -> None:
    peaks = []
    for seconds in (1.0, 5.0):
        tracemalloc.start()
        for one in pictures(films["scenes.mp4"], Taste(every=0.2, same=0, max_seconds=seconds)):
            del one
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 5 * WIDTH * HEIGHT * 3


def test_nothing_is_printed_not_even_by_ffmpeg(films: Films) -> None:
    code = (
        "import sys, pathlib\n"
        "from dlf_resources.videos.frames import VideoRejected, pictures\n"
        "for name in sys.argv[1:]:\n"
        "    try: list(pictures(pathlib.Path(name)))\n"
        "    except VideoRejected: pass\n"
    )
    names = [str(films[name]) for name in ("scratched.mp4", "headless.mp4", "cut_off.mp4", "text.mp4")]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
