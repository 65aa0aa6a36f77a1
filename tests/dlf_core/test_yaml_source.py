from __future__ import annotations

import pytest

from dlf_core.errors import ProjectError
from dlf_core.yaml_source import load_yaml


def problems(path) -> list[tuple[int | None, str]]:
    with pytest.raises(ProjectError) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)
    return caught.value.problems


def test_values_come_with_the_lines_they_stand_on(write):
    source = load_yaml(write("a: 1\n\nb:\n  c/d:\n    - x\n    - y\n  e: {f: 2}\n"))
    assert source.data == {"a": 1, "b": {"c/d": ["x", "y"], "e": {"f": 2}}}
    assert source.lines == {
        ("a",): 1,
        ("b",): 3,
        ("b", "c/d"): 4,
        ("b", "c/d", 0): 5,
        ("b", "c/d", 1): 6,
        ("b", "e"): 7,
        ("b", "e", "f"): 7,
    }


def test_a_place_that_is_not_in_the_file_has_the_line_of_the_nearest_key_above(write):
    source = load_yaml(write("a:\n  b: 1\n"))
    assert source.line_of(("a", "z", "y")) == 1
    assert source.line_of(("a", "b", "y")) == 2
    assert source.line_of(("z",)) is None


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_says_so(write, content):
    ((line, text),) = problems(write(content))
    assert line is None
    assert text.startswith("is empty; see project_configs/sample.yaml")


@pytest.mark.parametrize(
    ("content", "line", "kind"), [("- a\n- b\n", 1, "a list"), ("\n\nhello\n", 3, "a single value")]
)
def test_a_file_that_is_no_mapping_says_so(write, content, line, kind):
    ((found, text),) = problems(write(content))
    assert found == line
    assert f"holds {kind} at the top" in text


def test_a_key_that_stands_twice_is_named_with_both_lines(write):
    assert problems(write("a: 1\nb: 2\na: 3\n")) == [(3, "key 'a' stands twice (first on line 1).")]


def test_keys_that_stand_twice_are_told_in_file_order(write):
    assert problems(write("a:\n  x: 1\n  x: 2\nb: 1\nb: 2\n")) == [
        (3, "key 'x' stands twice (first on line 2)."),
        (5, "key 'b' stands twice (first on line 4)."),
    ]


def test_a_key_that_stands_twice_in_an_aliased_mapping_is_told_once(write):
    assert problems(write("a: &m\n  x: 1\n  x: 2\nb: *m\n")) == [(3, "key 'x' stands twice (first on line 2).")]


def test_an_overridden_merged_key_is_no_duplicate(write):
    assert load_yaml(write("a: &m {x: 1, y: 2}\nb:\n  <<: *m\n  x: 3\n")).data["b"] == {"x": 3, "y": 2}


def test_two_merges_into_one_mapping_are_no_duplicates(write):
    text = "a: &m {x: 1}\nb: &n {y: 2}\nc:\n  <<: *m\n  <<: *n\n"
    assert load_yaml(write(text)).data["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("content", ["a: 1\nb:\n\tc: 2\n", "a: 1\nb:\n  \tc: 2\n  d: 3\n"])
def test_a_tab_is_named_with_its_line(write, content):
    assert problems(write(content)) == [(3, "is indented with a tab; YAML wants spaces.")]


@pytest.mark.parametrize(
    ("content", "line"), [(b"a: 1\nb: caf\xe9\n", 2), ("a: 1\n".encode("utf-16"), 1), (b"a: 1\n\n\n\xc3", 4)]
)
def test_a_file_that_is_not_utf8_is_named_with_its_line(write, content, line):
    assert problems(write(content)) == [(line, "is not UTF-8 text; save the file as UTF-8.")]


def test_a_byte_order_mark_is_no_part_of_the_first_key(write):
    assert load_yaml(write(b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_windows_line_ends_keep_their_lines(write):
    assert load_yaml(write("a: 1\r\nb: 2\r\n")).lines == {("a",): 1, ("b",): 2}


def test_a_control_character_is_named_with_its_line(write):
    ((line, text),) = problems(write("a: 1\nb: x\ncd: bell\x07\n"))
    assert line == 3
    assert "control character (code 7)" in text


def test_an_alias_bomb_is_stopped(write):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    ((line, text),) = problems(write("\n".join(levels) + "\n"))
    # 11 + 111 + 1111 + 11111 + 111111 nodes of levels 0 to 4 fit; level 5 does not, and its leaves stand on line 1
    assert line == 1
    assert "expands without end through its aliases" in text


def test_a_mapping_that_holds_itself_is_stopped(write):
    ((line, text),) = problems(write("a: 1\nb: &self\n  c: *self\n"))
    assert line == 2  # where the alias leads
    assert "expands without end" in text


def test_a_deep_nest_is_an_error_with_the_files_name(write):
    ((_, text),) = problems(write("a: " + "[" * 3000 + "]" * 3000 + "\n"))
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a: 1\nb: [x\nc: 2\n", 3),
        ("a: 1\nb: 'open\n", 3),
        ("a: 1\nb: *nothing\n", 2),
        ("a: 1\nb: !drone x\n", 2),
        ("a: 1\nb: !!python/name:os.system ''\n", 2),
        ("a: 1\nb: c: d\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
    ],
)
def test_broken_yaml_is_named_with_its_line(write, content, line):
    ((found, text),) = problems(write(content))
    assert found == line
    assert text.startswith("is not valid YAML: ")


def test_a_tag_runs_no_code(write, tmp_path):
    made = tmp_path / "made"
    assert load_yaml(write(f"a: !!python/object/apply:os.mkdir [{made}]\n")).data == {"a": [str(made)]}
    assert not made.exists()


@pytest.mark.parametrize("value", ["2024-02-30", "!!int x", "!!float x"])
def test_a_value_that_cannot_be_built_is_named_with_its_line(write, value):
    ((line, _),) = problems(write(f"a: 1\nb: {value}\n"))
    assert line == 2


def test_a_key_that_is_a_list_is_named_with_its_line(write):
    assert problems(write("a: 1\n? [b, c]\n: 2\n")) == [(2, "a key must be a word, not a list or a mapping.")]


def test_a_key_is_text_also_where_yaml_reads_no_text(write):
    assert load_yaml(write("no: 1\n747: 2\nnull: 3\n")).data == {"no": 1, "747": 2, "null": 3}


def test_a_file_that_does_not_exist_says_so(tmp_path):
    assert problems(tmp_path / "no.yaml") == [(None, "cannot be read: No such file or directory.")]


def test_a_file_of_megabytes_is_not_parsed(write):
    ((line, text),) = problems(write(b"#" * 4_000_001))
    assert line is None
    assert text == "is 4,000,001 bytes; a project file is a few kilobytes."
