"""Which moments are taken, on hand-made numbers: cuts, sharpness, sameness, and a spread over the time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import video_files
from hypothesis import given
from hypothesis import strategies as st

from dlf_resources.videos.choice import Looks, Taste, choose, cuts, difference, histogram, sharpness

RATE = 10


def looks(count: int, *, cut_at: tuple[int, ...] = (), blurred: tuple[int, ...] = (), same: bool = False) -> Looks:
    """So many frames, ten a second, each looked at; colours change at cuts; all equally sharp but the blurred ones."""
    made = Looks()
    for at in range(count):
        made.times.append(at / RATE)
        made.colours.append(0.9 if at in cut_at else 0.02)
        made.pixels.append(60.0 if at in cut_at else 4.0)
        made.pts.append(at)
        made.seconds.append(at / RATE)
        made.sharpness.append(0.01 if at in blurred else 5.0)
        made.thumb.append(np.full((32, 32), 0 if same else 10 * at % 251, np.uint8))
    return made


# what is measured


def test_shares_of_colours_add_up_to_one_and_do_not_feel_motion() -> None:
    frame = video_files.panned(1, 1)[0]
    assert histogram(frame).sum() == pytest.approx(1)
    moved = np.roll(frame, (7, 31), axis=(0, 1))
    assert np.array_equal(histogram(frame), histogram(moved))
    other = video_files.panned(2, 1)[0]
    assert np.abs(histogram(frame) - histogram(other)).sum() / 2 > 0.5


def test_black_and_white_share_no_colour() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert np.abs(histogram(black) - histogram(white)).sum() / 2 == 1


def test_sharpness_falls_with_blur_and_not_with_contrast_or_light() -> None:
    frame = video_files.panned(1, 1)[0]
    grey = frame.mean(2).astype(np.float32)
    blurred = video_files.out_of_focus(frame).mean(2).astype(np.float32)
    assert sharpness(blurred) < 0.05 * sharpness(grey)
    assert sharpness(grey * np.float32(0.3) + 20) == pytest.approx(sharpness(grey), rel=0.01)


@pytest.mark.parametrize("size", [(64, 64), (3, 3), (8, 200)])
def test_a_flat_picture_has_no_sharpness_and_divides_by_nothing(size: tuple[int, int]) -> None:
    assert sharpness(np.full(size, 128, np.float32)) == 0


def test_difference_does_not_wrap_around() -> None:
    dark, light = np.full((32, 32), 250, np.uint8), np.full((32, 32), 5, np.uint8)
    assert difference(dark, light) == difference(light, dark) == 245


# where scenes start


def test_a_scene_starts_where_colours_or_pixels_jump() -> None:
    assert cuts(looks(60, cut_at=(20, 45)), 0.6) == [2.0, 4.5]
    colours_only = looks(60, cut_at=(20,))
    colours_only.pixels = [4.0] * 60
    pixels_only = looks(60, cut_at=(20,))
    pixels_only.colours = [0.02] * 60
    assert cuts(colours_only, 0.6) == cuts(pixels_only, 0.6) == [2.0]


def test_steady_fast_motion_is_no_cut() -> None:
    moving = looks(60)
    moving.colours, moving.pixels = [0.5] * 60, [40.0] * 60
    assert cuts(moving, 0.6) == []


def test_what_jumps_a_little_is_no_cut() -> None:
    calm = looks(60)
    calm.colours[20], calm.pixels[20] = 0.19, 14.0
    assert cuts(calm, 0.6) == []


def test_a_flash_soon_after_a_cut_starts_no_scene_of_its_own() -> None:
    assert cuts(looks(60, cut_at=(20, 24)), 0.6) == [2.0]
    assert cuts(looks(60, cut_at=(3, 30)), 0.6) == [3.0]


def test_a_cut_may_be_the_last_frame_but_never_the_first() -> None:
    assert cuts(looks(30, cut_at=(0, 29)), 0.6) == [2.9]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_video_of_a_few_frames_has_no_cut(count: int) -> None:
    assert cuts(looks(count), 0.6) == []


# what is taken


def test_one_picture_of_each_scene_the_sharpest() -> None:
    seen = looks(60, cut_at=(20, 45))
    seen.sharpness[11], seen.sharpness[30], seen.sharpness[52] = 9.0, 8.0, 7.0
    assert choose(seen, Taste()) == [11, 30, 52]


def test_the_edges_of_a_scene_are_left_out_as_they_may_lie_in_a_fade() -> None:
    seen = looks(60, cut_at=(20,))
    seen.sharpness[20] = seen.sharpness[59] = 99.0
    assert choose(seen, Taste())[-1] not in (20, 59)


def test_one_picture_of_each_stretch_of_seconds_starting_anew_at_cuts() -> None:
    seen = looks(60, cut_at=(25,))
    taken = choose(seen, Taste(every=1.0))
    pieces = [(0, 10), (10, 20), (20, 25), (25, 35), (35, 45), (45, 55), (55, 60)]
    assert [[at for at in taken if first <= at < after] for first, after in pieces] == [[at] for at in taken]
    assert len(choose(seen, Taste(every=1.0, scenes=False))) == 6


def test_a_scene_in_which_all_is_blurred_gives_no_picture_unless_asked_for() -> None:
    seen = looks(60, cut_at=(20, 40), blurred=tuple(range(20, 40)))
    assert [at // 20 for at in choose(seen, Taste())] == [0, 2]
    assert [at // 20 for at in choose(seen, Taste(blur=0))] == [0, 1, 2]


def test_a_scene_that_is_sharp_for_a_moment_gives_that_moment() -> None:
    seen = looks(60, cut_at=(20, 40), blurred=(*range(20, 33), *range(34, 40)))
    assert 33 in choose(seen, Taste())


def test_a_video_without_any_sharpness_still_gives_a_picture() -> None:
    seen = looks(30)
    seen.sharpness = [0.0] * 30
    assert len(choose(seen, Taste())) == 1


def test_what_looks_like_the_picture_before_is_taken_once() -> None:
    seen = looks(60, same=True)
    assert len(choose(seen, Taste(every=1.0))) == 1
    assert len(choose(seen, Taste(every=1.0, same=0))) == 6


def test_sameness_is_measured_from_what_was_taken_not_from_what_was_dropped() -> None:
    """A slow fade differs little from second to second, and much from its start."""
    seen = looks(100)
    seen.thumb = [np.full((32, 32), at // 5, np.uint8) for at in range(100)]
    taken = choose(seen, Taste(every=1.0))
    assert 3 <= len(taken) <= 7
    assert all(difference(seen.thumb[one], seen.thumb[two]) >= 3 for one, two in itertools.pairwise(taken))


@pytest.mark.parametrize(("most", "gap"), [(2, 9), (3, 5), (4, 4), (6, 3), (10, 1)])
def test_at_most_so_many_are_spread_over_the_whole_time(most: int, gap: int) -> None:
    taken = choose(looks(100), Taste(every=1.0, scenes=False, max_frames=most))
    times = [at // 10 for at in taken]
    assert len(times) == most
    assert (times[0], times[-1]) == (0, 9)
    assert max(after - before for before, after in itertools.pairwise(times)) <= gap


def test_the_only_picture_wanted_is_from_the_middle() -> None:
    (taken,) = choose(looks(100), Taste(every=1.0, scenes=False, max_frames=1))
    assert 35 <= taken <= 65


def test_a_gap_in_the_times_makes_no_empty_stretch() -> None:
    seen = looks(60)
    seen.seconds = [at / RATE + (100 if at >= 30 else 0) for at in range(60)]
    assert len(choose(seen, Taste(every=1.0, scenes=False))) == 6


@st.composite
def any_looks(draw: st.DrawFn) -> Looks:
    count = draw(st.integers(1, 60))
    steps = draw(st.lists(st.floats(0.001, 2), min_size=count, max_size=count))
    made = Looks()
    made.times = np.cumsum(steps).tolist()
    made.seconds = list(made.times)
    made.pts = list(range(count))
    for values, most in ((made.colours, 1.0), (made.pixels, 255.0), (made.sharpness, 50.0)):
        values += draw(st.lists(st.floats(0, most), min_size=count, max_size=count))
    shades = draw(st.lists(st.integers(0, 255), min_size=count, max_size=count))
    made.thumb = [np.full((32, 32), shade, np.uint8) for shade in shades]
    return made


@given(any_looks(), st.sampled_from([None, 0.01, 1.0, 10.0]), st.booleans(), st.integers(1, 70))
def test_of_any_video_some_are_taken_in_order_none_twice_and_not_too_many(
    seen: Looks, every: float | None, scenes: bool, most: int
) -> None:
    taken = choose(seen, Taste(every=every, scenes=scenes, max_frames=most))
    assert taken == sorted(set(taken))
    assert 1 <= len(taken) <= most
    assert set(taken) <= set(range(len(seen.pts)))
    starts = cuts(seen, 0.6)
    assert starts == sorted(set(starts))
