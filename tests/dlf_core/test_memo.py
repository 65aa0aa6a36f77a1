from __future__ import annotations

import pytest

from dlf_core.memo import memo_key


def test_the_key_is_the_hash_of_stage_and_inputs_and_stays_so_over_versions():
    # printf '["filter",{"image_id":"ab","prompt":"p"}]' | sha256sum
    assert memo_key("filter", image_id="ab", prompt="p") == "9867ba40d9daaf5f6399e079d9118425"


def test_the_order_of_inputs_does_not_matter_at_any_depth():
    assert memo_key("s", a=1, b={"x": 1, "y": [2]}) == memo_key("s", b={"y": [2], "x": 1}, a=1)


@pytest.mark.parametrize(
    ("stage", "inputs"),
    [
        ("verify", {"image_id": "ab", "padding": 0.25}),
        ("filter", {"image_id": "ac", "padding": 0.25}),
        ("filter", {"image_id": "ab", "padding": 0.2500001}),
        ("filter", {"image_id": "ab", "padding": "0.25"}),
        ("filter", {"image_id": "ab", "padding": None}),
        ("filter", {"image_id": "ab"}),
        ("filter", {"image": "ab", "padding": 0.25}),
        ("filter", {"image_id": "ab", "padding": 0.25, "model": ""}),
    ],
)
def test_any_other_stage_or_input_has_another_key(stage, inputs):
    assert memo_key(stage, **inputs) != memo_key("filter", image_id="ab", padding=0.25)


def test_the_border_between_inputs_matters():
    assert memo_key("s", a="x", b="yz") != memo_key("s", a="xy", b="z")


def test_the_order_of_a_list_matters():
    assert memo_key("s", queries=["a", "b"]) != memo_key("s", queries=["b", "a"])


def test_any_text_has_a_key_also_half_a_surrogate_of_a_broken_file_name():
    assert len({memo_key("s", name=name) for name in ("é", "e\u0301", "图", "\udce9")}) == 4


def test_what_has_no_fixed_text_is_refused():
    with pytest.raises(TypeError):
        memo_key("s", value=object())
