"""Options of an export as they are typed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.errors import FactoryError
from dlf_core.export_options import class_map, split_shares


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("0.8,0.1,0.1", {"train": 0.8, "val": 0.1, "test": 0.1}),
        ("0.9,0.1", {"train": 0.9, "val": 0.1}),
        ("80, 10 ,10", {"train": 0.8, "val": 0.1, "test": 0.1}),
        ("3,1", {"train": 0.75, "val": 0.25}),
        ("1", {"train": 1.0}),
        ("1,0,1", {"train": 0.5, "test": 0.5}),
        ("0,1", {"val": 1.0}),
        ("1e1,1e1", {"train": 0.5, "val": 0.5}),
    ],
)
def test_shares_sum_to_one_and_splits_without_one_are_left_out(text: str, shares: dict[str, float]) -> None:
    assert split_shares(text) == pytest.approx(shares)


@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=3).filter(any))
def test_any_shares_sum_to_one(shares: list[float]) -> None:
    found = split_shares(",".join(map(repr, shares)))
    assert math.isclose(sum(found.values()), 1)
    assert all(share > 0 for share in found.values())
    assert list(found) == [name for name in ("train", "val", "test") if name in found]


@pytest.mark.parametrize(
    "text", ["", " ", ",", "a,b", "0.8;0.2", "0.8,,0.2", "0.8,-0.2", "0,0", "nan,1", "1,inf", "1,1,1,1", "80%,20%"]
)
def test_what_are_no_shares_is_a_sentence_with_what_was_typed(text: str) -> None:
    with pytest.raises(FactoryError) as caught:
        split_shares(text)
    assert str(caught.value).startswith(f"--splits {text}: ")
    assert "0.8,0.1,0.1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("car=vehicle", {"car": "vehicle"}),
        ("car=vehicle,dog=", {"car": "vehicle", "dog": None}),
        (" cable spool = spool , dog = ", {"cable spool": "spool", "dog": None}),
        ("a=b=c", {"a": "b=c"}),
        ("größe=size ⚠", {"größe": "size ⚠"}),
        ("dog=hound, *=", {"dog": "hound", "*": None}),
        ("a=x,b=x", {"a": "x", "b": "x"}),
    ],
)
def test_classes_are_old_and_new_names(text: str, names: dict[str, str | None]) -> None:
    assert class_map(text) == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("car", "'car' is not old=new."),
        ("car=vehicle,dog", "'dog' is not old=new."),
        ("=vehicle", "'=vehicle' is not old=new."),
        ("car=vehicle,", "'' is not old=new."),
        ("", "'' is not old=new."),
        ("car=a, car =b", "names 'car' twice."),
    ],
)
def test_what_is_no_renaming_is_a_sentence_with_what_was_typed(text: str, says: str) -> None:
    with pytest.raises(FactoryError) as caught:
        class_map(text)
    assert str(caught.value) == f"--classes {text}: {says}"
