from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.grounding_answers import SaidBoxes, Units, parse_boxes, smart_resize, units_of

PIXELS, THOUSANDTHS = Units.PIXELS, Units.THOUSANDTHS
MIDDLE = (0.25, 0.25, 0.5, 0.5)
# The same box in an image of 640 × 480 pixels, which Qwen2.5-VL sees as 644 × 476.
IN_PIXELS, IN_THOUSANDTHS = [161, 119, 322, 238], [250, 250, 500, 500]


def listed(*boxes: list[object], key: str = "bbox_2d") -> str:
    return json.dumps([{key: numbers, "label": "drone"} for numbers in boxes])


def parsed(text: str, units: Units | None = THOUSANDTHS, width: int = 640, height: int = 480) -> SaidBoxes:
    return parse_boxes(text, units, width, height)


# Width and height → what Qwen2VLImageProcessor makes of them with max_pixels=401408 (512 × 28 × 28).
@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((640, 480), (644, 476)),
        ((1920, 1080), (840, 448)),
        ((3000, 4000), (532, 728)),
        ((100, 100), (112, 112)),
        ((686, 490), (672, 504)),  # 24.5 and 17.5 patches: halves go to the even number
        ((42, 42), (56, 56)),
        ((1, 1), (56, 56)),
    ],
)
def test_an_image_is_resized_as_qwen_does_it(size, seen):
    assert smart_resize(*size, max_pixels=401_408) == seen


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([401_408, 1_003_520, 12_845_056]))
def test_an_image_as_the_model_sees_it_has_whole_patches_and_fits_the_budget(width, height, max_pixels):
    wide, high = smart_resize(width, height, max_pixels=max_pixels)
    assert wide % 28 == high % 28 == 0
    assert min(wide, high) >= 28
    assert wide * high >= 3136
    if max(width, height) <= 180 * min(width, height):  # longer strips are not sent
        assert wide * high <= max_pixels


def test_qwen_2_5_counts_in_pixels_of_the_image_as_it_saw_it():
    found = parsed(listed(IN_PIXELS), PIXELS)
    assert found.boxes == [pytest.approx(MIDDLE)]
    assert (found.rejected, found.understood) == (0, True)


def test_a_tiny_image_is_enlarged_before_its_pixels_are_counted():
    assert parsed(listed([14, 14, 28, 28]), PIXELS, 42, 42).boxes == [pytest.approx(MIDDLE)]


def test_qwen_3_counts_in_thousandths_whatever_the_size():
    for size in [(640, 480), (4000, 3000), (42, 42)]:
        assert parsed(listed(IN_THOUSANDTHS), THOUSANDTHS, *size).boxes == [pytest.approx(MIDDLE)]


@pytest.mark.parametrize(
    ("numbers", "size", "box"),
    [
        (IN_PIXELS, (640, 480), MIDDLE),  # they fit as pixels
        ([250, 250, 500, 500], (420, 420), MIDDLE),  # 500 is beyond 420 pixels
        ([0, 0, 644, 476], (640, 480), (0, 0, 1, 1)),
        ([0, 0, 650, 480], (640, 480), (0, 0, 1, 1)),  # a rounding error beyond the border is none
        ([0, 0, 700, 480], (640, 480), (0, 0, 0.7, 0.48)),
    ],
)
def test_of_an_unknown_model_the_numbers_tell_what_they_count(numbers, size, box):
    assert parsed(listed(numbers), None, *size).boxes == [pytest.approx(box)]


def test_one_number_beyond_the_image_tells_of_all_boxes_of_the_answer():
    found = parsed(listed([100, 100, 200, 200], [0, 0, 900, 900]), None)
    assert found.boxes == [pytest.approx((0.1, 0.1, 0.2, 0.2)), pytest.approx((0, 0, 0.9, 0.9))]


@pytest.mark.parametrize(
    ("model", "units"),
    [
        ("mlx-community/Qwen2.5-VL-3B-Instruct-4bit", PIXELS),
        ("Qwen/Qwen2.5-VL-72B-Instruct-AWQ", PIXELS),
        ("qwen/qwen-2.5-vl-7b-instruct", PIXELS),
        ("qwen2.5vl:7b", PIXELS),
        ("qwen2_5_vl", PIXELS),
        ("Qwen/Qwen3-VL-8B-Instruct", THOUSANDTHS),
        ("qwen3-vl:4b", THOUSANDTHS),
        ("Qwen/Qwen2-VL-7B-Instruct", THOUSANDTHS),
        ("google/gemma-3-4b-it", None),
        ("gpt-4o", None),
        ("qwen-vl-max", None),
        ("", None),
    ],
)
def test_a_models_name_tells_what_it_counts_in(model, units):
    assert units_of(model) is units


@pytest.mark.parametrize("model", ["accounts/fireworks/models/qwen2p5-vl-32b-instruct", "qwen-2-5-vl", "qwen_2_5_vl"])
def test_other_spellings_of_qwen_2_5_count_in_pixels_too(model):
    assert units_of(model) is not THOUSANDTHS


@pytest.mark.parametrize(
    "text",
    [
        listed(IN_THOUSANDTHS),
        json.dumps([{"bbox_2d": IN_THOUSANDTHS, "label": "drone"}], indent=4),
        f"```json\n{listed(IN_THOUSANDTHS)}\n```",
        f"```\n{listed(IN_THOUSANDTHS)}\n```",
        f"Here they are:\n```json\n{listed(IN_THOUSANDTHS)}\n```\nI found one drone, [see] above {{really}}.",
        f"{listed(IN_THOUSANDTHS)}<|im_end|>",
        f"{listed(IN_THOUSANDTHS)}\n{listed(IN_THOUSANDTHS)}",
        json.dumps({"bbox_2d": IN_THOUSANDTHS}),
        json.dumps({"objects": [{"bbox_2d": IN_THOUSANDTHS}]}),
        json.dumps([{"label": "a {small} drone", "bbox_2d": IN_THOUSANDTHS}]),
        listed(IN_THOUSANDTHS, key="bbox"),
        listed(IN_THOUSANDTHS, key="box_2d"),
        listed(IN_THOUSANDTHS, key="box"),
        listed([str(number) for number in IN_THOUSANDTHS]),
        listed([250.0, 2.5e2, 500.0, 500.0]),
        "[{'bbox_2d': [250, 250, 500, 500], 'label': 'drone'}]",
        "[[250, 250, 500, 500]]",
        "[250, 250, 500, 500]",
        "The drone is at [ 250,250 , 500.0,5e2 ].",
    ],
)
def test_a_box_is_read_however_it_is_wrapped(text):
    assert parsed(text) == SaidBoxes([MIDDLE], 0, True)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ('[{"bbox_2d": [250, 250, 500, 500], "label": "drone"}, {"bbox_2d": [1, 2', [MIDDLE]),
        ('[{"bbox_2d": [250, 250, 500, 500], "label": "drone"}, {"bbox_', [MIDDLE]),
        ('[{"bbox_2d": [250, 250, 500, 500], "label": "dro', [MIDDLE]),
        ("[[250, 250, 500, 500], [0, 0, 10", [MIDDLE]),
        ("```json\n" + listed(IN_THOUSANDTHS)[:-1], [MIDDLE]),
    ],
)
def test_of_an_answer_that_was_cut_off_the_whole_boxes_are_read(text, boxes):
    assert parsed(text) == SaidBoxes(boxes, 0, True)


@pytest.mark.parametrize("text", ['[{"bbox_2d": [250, 250', "[[250, 250, 500", "```json\n[", "["])
def test_an_answer_cut_off_before_its_first_box_is_not_understood(text):
    assert parsed(text) == SaidBoxes([], 0, False)


@pytest.mark.parametrize(
    "numbers",
    [
        "[NaN, 0, 500, 500]",
        "[0, 0, Infinity, 500]",
        "[-Infinity, 0, 500, 500]",
        "[0, 0, 1e999, 500]",
        "[500, 0, 100, 500]",  # right of its right side
        "[0, 500, 500, 100]",
        "[100, 0, 100, 500]",  # without width
        "[0, 0, 500, 1021]",  # beyond the border by more than a rounding error
        "[-21, 0, 500, 500]",
        "[0, 0, 5000, 5000]",
        '["a", 0, 500, 500]',
        "[null, 0, 500, 500]",
        "[[1], 0, 500, 500]",
    ],
)
def test_a_box_that_cannot_be_is_counted_and_left_out(numbers):
    text = f'[{{"bbox_2d": {numbers}}}, {{"bbox_2d": [250, 250, 500, 500]}}]'
    assert parsed(text) == SaidBoxes([MIDDLE], 1, True)
    assert parsed(f'[{{"bbox_2d": {numbers}}}]') == SaidBoxes([], 1, True)


@pytest.mark.parametrize(
    ("numbers", "box"),
    [([-20, 0, 500, 1000], (0, 0, 0.5, 1)), ([0, -1, 1020, 1001], (0, 0, 1, 1)), ([0, 0, 1000, 1000], (0, 0, 1, 1))],
)
def test_a_box_that_reaches_a_little_over_the_border_is_cut_at_it(numbers, box):
    assert parsed(listed(numbers)) == SaidBoxes([box], 0, True)


@pytest.mark.parametrize("numbers", [[], [1, 2, 3], [1, 2, 3, 4, 5], "1,2,3,4", {}, None])
def test_what_is_not_four_numbers_is_no_box(numbers):
    text = json.dumps([{"bbox_2d": numbers, "label": "drone"}, {"bbox_2d": IN_THOUSANDTHS}])
    assert parsed(text).boxes == [MIDDLE]


def test_boxes_keep_the_models_order_and_a_repeated_box_stands_once():
    rows = [[500, 500, 600, 600], [0, 0, 100, 100], [500, 500, 600, 600], [250, 0, 300, 100], [0, 0, 100, 100]]
    assert parsed(listed(*rows)).boxes == [(0.5, 0.5, 0.6, 0.6), (0.0, 0.0, 0.1, 0.1), (0.25, 0.0, 0.3, 0.1)]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[ ]",
        "[\n]",
        "{}",
        "```json\n[]\n```",
        '{"objects": []}',
        "There are no drones in this image.",
        "There are no drones",
        "there is no such thing here",
        "No objects found.",
        "None.",
        "The drone is not visible in the picture.",
        "Drones are not present.",
    ],
)
def test_an_answer_that_nothing_is_there_is_understood(text):
    assert parsed(text) == SaidBoxes([], 0, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "...",
        "A drone flies over a field.",
        "I cannot help with that.",
        "The drone is at the top left.",
        "1, 2, 3, 4",
        '{"error": "out of memory"}',
        '[{"label": "drone"}]',
        "\x00\ufffd",
        "🛸" * 100,
    ],
)
def test_prose_is_not_understood(text):
    assert parsed(text) == SaidBoxes([], 0, False)


def test_ten_thousand_boxes_are_read_quickly():
    rows = [[x * 10, y * 10, x * 10 + 9, y * 10 + 9] for y in range(100) for x in range(100)]
    began = time.perf_counter()
    found = parsed(listed(*rows))
    assert time.perf_counter() - began < 5
    assert (len(found.boxes), found.rejected) == (10_000, 0)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 100_000, "[" + "1" * 100_000, "[1,1,1," * 20_000, "[" + " " * 100_000, "no " * 50_000]
)
def test_a_model_that_repeats_itself_for_ever_is_read_quickly(text):
    began = time.perf_counter()
    assert parsed(text) == SaidBoxes([], 0, False)
    assert time.perf_counter() - began < 2


# Not those beyond the border by less than the slack: the last tests are of them.
NUMBERS = st.one_of(
    st.integers(0, 1000),
    st.integers(-100, -21),
    st.integers(1021, 1100),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e300, 0.5, 499.9, None, "a", "250"]),
)


@given(st.lists(st.lists(NUMBERS, min_size=4, max_size=4), max_size=5))
def test_whatever_numbers_a_model_says_every_one_is_a_box_or_rejected(rows):
    found = parsed(listed(*rows))
    assert found.understood is True
    assert len(found.boxes) == len(set(found.boxes))
    assert len(found.boxes) + found.rejected <= len(rows)
    for x1, y1, x2, y2 in found.boxes:
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1


@given(st.text(max_size=60), st.text(alphabet='[]{}",:.0123456789-eE bbox_2d', max_size=80))
def test_no_text_makes_the_reader_fail(prose, mess):
    for text in (prose, mess, listed(IN_THOUSANDTHS)[: len(prose)] + mess):
        for units in (PIXELS, THOUSANDTHS, None):
            assert isinstance(parsed(text, units), SaidBoxes)


@pytest.mark.parametrize("numbers", [[1001, 0, 1015, 900], [-15, 0, -5, 900], [0, 1001, 500, 1010], [0, -9, 500, 0]])
def test_a_box_that_lies_beside_the_image_is_rejected(numbers):
    assert parsed(listed(numbers)) == SaidBoxes([], 1, True)


def test_a_number_of_400_digits_is_rejected():
    text = '[{"bbox_2d": [1%s, 0, 500, 500]}, {"bbox_2d": [250, 250, 500, 500]}]' % ("0" * 400)
    assert parsed(text) == SaidBoxes([MIDDLE], 1, True)


def test_an_object_nested_without_end_is_not_understood():
    assert parsed('{"bbox_2d": ' + "[" * 100_000 + "}") == SaidBoxes([], 0, False)


@pytest.mark.parametrize("numbers", ["[NaN, 0, 1, 1]", '["a", 0, 1, 1]', "[0, 0, Infinity, 1]"])
def test_a_box_without_numbers_does_not_tell_what_the_others_count(numbers):
    text = f'[{{"bbox_2d": {numbers}}}, {{"bbox_2d": {IN_PIXELS}}}]'
    assert parsed(text, None).boxes == [pytest.approx(MIDDLE)]


@pytest.mark.parametrize("text", ["Sorry, there is no image attached.", "There is no way for me to draw boxes."])
def test_a_refusal_is_not_understood_as_nothing_there(text):
    assert parsed(text) == SaidBoxes([], 0, False)
