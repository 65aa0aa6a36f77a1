from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlf_core.partition_keys import bucket_problem, collision_form, name_problem, partition_key, split_key

SIGNS = "abzAZ09_- ()&+'éß图"
NAMES = st.text(SIGNS, min_size=1, max_size=8).filter(lambda name: name_problem(name) is None)
BUCKETS = st.text(SIGNS + "/", min_size=1, max_size=12).filter(lambda bucket: bucket_problem(bucket) is None)


def test_the_key_is_project_two_underscores_and_the_bucket_with_dots():
    assert partition_key("stop-signs", "positive/clear_view") == "stop-signs__positive.clear_view"
    assert split_key("stop-signs__positive.clear_view") == ("stop-signs", "positive/clear_view")


@given(NAMES, BUCKETS)
@example("a", "_b")
@example("a", "__b")
@example("a_b", "c__d/__e")
def test_a_key_leads_back_to_its_project_and_bucket(project, bucket):
    assert name_problem(project) is None
    assert bucket_problem(bucket) is None
    key = partition_key(project, bucket)
    assert split_key(key) == (project, bucket)
    assert partition_key(*split_key(key)) == key


@given(NAMES, BUCKETS, NAMES, BUCKETS)
def test_two_buckets_never_share_a_key(project, bucket, other_project, other_bucket):
    same = (project, bucket) == (other_project, other_bucket)
    assert (partition_key(project, bucket) == partition_key(other_project, other_bucket)) is same


@given(st.text(max_size=12), st.text(max_size=12))
def test_whatever_passes_the_checks_is_reversible_and_a_plain_file_name(project, bucket):
    if name_problem(project) is None and bucket_problem(bucket) is None:
        key = partition_key(project, bucket)
        assert split_key(key) == (project, bucket)
        assert not set(key) & set('/\\:*?"<>|\0\n\r\t')


@pytest.mark.parametrize(
    "name", ["drones", "stop-signs", "a_b", "Große Schilder", "图像", "cafe\u0301", "R2 (new) & +'s"]
)
def test_good_names_pass(name):
    assert name_problem(name) is None
    assert bucket_problem(f"positive/{name}") is None


@pytest.mark.parametrize("name", ["हिन्दी", "สุนัขที่", "עִבְרִית"])
def test_names_pass_in_scripts_that_need_combining_marks(name):
    assert name_problem(name) is None
    assert bucket_problem(f"positive/{name}") is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is empty."),
        ("  ", "is empty."),
        ("a/b", "may hold letters"),
        ("a.b", "may hold letters"),
        ("..", "may hold letters"),
        ("a:b", "may hold letters"),
        ("a\nb", "may hold letters"),
        ("a\0b", "may hold letters"),
        ("a__b", "holds '__'"),
        ("_a", "begins or ends"),
        ("a_", "begins or ends"),
        ("a ", "begins or ends"),
        ("a\n", "may hold letters"),
    ],
)
def test_project_names_that_break_keys_are_refused(name, says):
    assert says in (name_problem(name) or "")


@pytest.mark.parametrize(
    ("bucket", "says"),
    [
        ("a.b", "holds '.'"),
        ("../etc", "holds '.'"),
        ("", "empty part"),
        ("/a", "empty part"),
        ("a/", "empty part"),
        ("a//b", "empty part"),
        ("a/ b", "may hold letters"),
        ("a\n/b", "may hold letters"),
        ("a\\b", "may hold letters"),
        ("a*b", "may hold letters"),
        ('a"b', "may hold letters"),
    ],
)
def test_bucket_names_that_break_keys_are_refused(bucket, says):
    assert says in (bucket_problem(bucket) or "")


@pytest.mark.parametrize("text", ["", "a", "a_b", "__b", "a__", "positive/x"])
def test_what_is_no_key_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"one looks like 'stop-signs__positive\.clear_view'"):
        split_key(text)


@pytest.mark.parametrize(("first", "second"), [("A/b", "a/B"), ("caf\u00e9", "CAFE\u0301"), ("straße", "STRASSE")])
def test_names_that_are_one_on_a_disk_without_case_have_one_form(first, second):
    assert collision_form(first) == collision_form(second)


def test_other_names_keep_forms_of_their_own():
    assert len({collision_form(name) for name in ("a/b", "a/c", "a b", "a_b", "a-b")}) == 5
