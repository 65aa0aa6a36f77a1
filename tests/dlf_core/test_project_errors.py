from __future__ import annotations

import pytest

from dlf_core.errors import ProjectError
from dlf_core.project import Project

HEAD = "project_name: signs\ntarget_object: stop sign\nfalcon_queries: [stop sign]\n"  # lines 1 to 3


def problems(path) -> list[tuple[int | None, str]]:
    with pytest.raises(ProjectError) as caught:
        Project.load(path)
    assert caught.value.path == path
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    for line, (number, text) in zip(lines, caught.value.problems, strict=True):
        assert line == (f"{path}:{number}: {text}" if number else f"{path}: {text}")
        assert text.endswith((".", "?"))
    return caught.value.problems


def one_problem(path) -> tuple[int | None, str]:
    found = problems(path)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("key", ["project_name", "target_object", "buckets", "falcon_queries"])
def test_a_missing_required_key_is_named(write, key):
    lines = {
        "project_name": "project_name: a",
        "target_object": "target_object: b",
        "buckets": "buckets: {x: [y]}",
        "falcon_queries": "falcon_queries: [c]",
    }
    text = "\n".join(line for name, line in lines.items() if name != key)
    assert one_problem(write(text)) == (None, f"the required key '{key}' is missing.")


def test_a_missing_nested_key_is_named_with_the_line_of_its_section(write, smallest):
    line, text = one_problem(write(smallest + "schedule:\n  timezone: UTC\n"))
    assert (line, text) == (8, "the required key 'schedule.cron' is missing.")


@pytest.mark.parametrize(
    ("extra", "line", "wrong", "meant"),
    [
        ("falcon_query: [x]\n", 8, "falcon_query", "falcon_queries"),
        ("desciption: x\n", 8, "desciption", "description"),
        ("backends:\n  label: qwen\n  verfy: qwen\n", 10, "backends.verfy", "verify"),
        ("r2:\n  raw_prefx: raw/\n", 9, "r2.raw_prefx", "raw_prefix"),
        ("thresholds:\n\n  nms_uio: 0.4\n", 10, "thresholds.nms_uio", "nms_iou"),
        ("schedule:\n  cron: '@daily'\n  timezon: UTC\n", 10, "schedule.timezon", "timezone"),
        ("prompts: {filtr: x}\n", 8, "prompts.filtr", "filter"),
        ("pod:\n  gpu_type: [a]\n", 9, "pod.gpu_type", "gpu_types"),
        ("splits:\n  trian: 1\n", 9, "splits.trian", "train"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(write, smallest, extra, line, wrong, meant):
    found, text = one_problem(write(smallest + extra))
    assert found == line
    assert text.startswith(f"unknown key '{wrong}'; did you mean '{meant}'?")
    assert " Known here: " in text


def test_an_unknown_key_in_a_bucket_names_the_nearest_known_one(write):
    path = write(HEAD + "buckets:\n  positive/a:\n    querys:\n      - x\n")
    line, text = one_problem(path)
    assert line == 6
    assert "unknown key 'buckets.positive/a.querys'; did you mean 'queries'?" in text
    assert "Known here: queries, videos, folders, urls." in text


def test_a_suggestion_ends_with_one_sign_only(write, smallest):
    assert "?." not in one_problem(write(smallest + "desciption: x\n"))[1]


def test_an_unknown_key_that_is_near_to_none_lists_the_known_ones(write, smallest):
    line, text = one_problem(write(smallest + "backends:\n  zzzz: 1\n"))
    assert (line, text) == (9, "unknown key 'backends.zzzz'. Known here: filter, label, verify, manage, fusion_iou.")


def test_a_backend_that_does_not_exist_names_the_nearest(write, smallest):
    line, text = one_problem(write(smallest + "backends:\n  filter: qwn\n"))
    assert line == 9
    assert text.startswith("backends.filter: 'qwn' is not one of qwen, gemma, embedded; did you mean 'qwen'?")


@pytest.mark.parametrize("target", ["a {drone}", "a { sign", "a } sign"])
def test_braces_in_the_target_object_are_refused(write, target):
    line, text = one_problem(
        write(f"project_name: a\nbuckets: {{x: [y]}}\ntarget_object: '{target}'\nfalcon_queries: [c]")
    )
    assert line == 3
    assert text.startswith("target_object holds a curly brace")


@pytest.mark.parametrize(
    ("stage", "template", "placeholder"),
    [
        ("filter", "Is it a {target}?", "{target}"),
        ("filter", "Is it a {query}?", "{query}"),
        ("verify", "Is it a {label}?", "{label}"),
        ("label_describe", "Where is {}?", "{}"),
        ("verify", "Is it {query.name}?", "{query.name}"),
    ],
)
def test_an_unknown_placeholder_is_refused_at_load(write, smallest, stage, template, placeholder):
    line, text = one_problem(write(f"{smallest}prompts:\n  {stage}: '{template}'\n"))
    assert line == 9
    assert text.startswith(f"prompts.{stage} names the placeholder '{placeholder}'")


def test_an_open_brace_in_a_prompt_is_refused_at_load(write, smallest):
    line, text = one_problem(write(smallest + "prompts:\n  filter: 'Is it {target_object'\n"))
    assert line == 9
    assert text.startswith("prompts.filter cannot be filled: ")


@pytest.mark.parametrize(("first", "second"), [("positive/a", "Positive/A"), ("caf\u00e9", "cafe\u0301"), ("ss", "ß")])
def test_buckets_that_are_one_folder_on_some_disks_are_refused(write, first, second):
    line, text = one_problem(write(f"{HEAD}buckets:\n  {first}: [x]\n  {second}: [y]\n"))
    assert line == 6
    assert text.startswith(f"bucket '{second}' and bucket '{first}' are one name")


def test_a_dot_in_a_bucket_name_is_refused_since_it_would_collide_as_a_key(write):
    line, text = one_problem(write(HEAD + "buckets:\n  positive/a: [x]\n  positive.a: [y]\n"))
    assert line == 6
    assert text.startswith("bucket 'positive.a' holds '.'")


@pytest.mark.parametrize(("length", "refused"), [(180, False), (181, True)])
def test_a_partition_key_has_at_most_180_bytes(write, length, refused):
    path = write(f"{HEAD}buckets:\n  {'b' * (length - len('signs__'))}: [x]\n")
    if refused:
        line, text = one_problem(path)
        assert line == 5
        assert "longer than 180 bytes" in text
    else:
        assert len(next(iter(Project.load(path).partition_keys().values()))) == 180


@pytest.mark.parametrize(("buckets", "says"), [("{}", "is empty"), ("", "must be a mapping"), ("[a, b]", "not a list")])
def test_a_project_without_buckets_is_refused(write, buckets, says):
    line, text = one_problem(write(f"{HEAD}buckets: {buckets}\n"))
    assert line == 4
    assert text.startswith("buckets ")
    assert says in text


@pytest.mark.parametrize(
    ("value", "read_as"),
    [("no", "no, off or false"), ("on", "yes, on or true"), ("null", "empty or null"), ("", "empty or null")],
)
@pytest.mark.parametrize(("form", "at"), [("", 7), ("    queries:\n", 8)])
def test_a_word_that_yaml_reads_as_no_text_is_refused_on_its_own_line(write, value, read_as, form, at):
    line, text = one_problem(write(f"{HEAD}buckets:\n  positive/a:\n{form}    - sign\n    - {value}\n"))
    assert text == f"buckets.positive/a.queries.1: YAML read this as {read_as}, not as text; put it in quotes."
    assert line == at


@pytest.mark.parametrize("blank", ["''", "'  '"])
def test_a_blank_target_object_is_refused(write, blank):
    line, text = one_problem(
        write(f"project_name: a\ntarget_object: {blank}\nbuckets: {{x: [y]}}\nfalcon_queries: [c]\n")
    )
    assert line == 2
    assert text.startswith("target_object is empty")


def test_an_empty_target_object_is_refused(write):
    line, text = one_problem(write("project_name: a\ntarget_object:\nbuckets: {x: [y]}\nfalcon_queries: [c]\n"))
    assert line == 2
    assert text.startswith("target_object: YAML read this as empty or null")


@pytest.mark.parametrize(
    ("extra", "line", "start"),
    [
        ("description: [a]\n", 8, "description must be text, not a list"),
        ("pod:\n  gpu_types: L40S\n", 9, "pod.gpu_types must be a list"),
        ("backends: qwen\n", 8, "backends must be a mapping"),
        ("splits: {train: 0, val: 0, test: 0}\n", 8, "splits: train, val and test are all 0"),
        ("thresholds:\n  nms_iou: 1.5\n", 9, "thresholds.nms_iou: "),
        ("thresholds:\n  nms_iou: .nan\n", 9, "thresholds.nms_iou: "),
        ("splits:\n  train: .inf\n", 9, "splits.train: "),
        ("schedule: every night\n", 8, "schedule: 'every night' is not a cron expression"),
        ("schedule: {cron: '@daily', timezone: Mars/Base}\n", 8, "schedule: 'Mars/Base' is not a time zone"),
        ("classes:\n  stop sgn: sign\n", 9, "classes names 'stop sgn', which is not in falcon_queries; did you mean"),
        ("sources: [wikipedia]\n", 8, "sources.0: 'wikipedia' is not one of"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_line(write, smallest, extra, line, start):
    found, text = one_problem(write(smallest + extra))
    assert found == line
    assert text.startswith(start)


def test_several_errors_are_told_at_once_in_file_order(write):
    path = write("engine: spark\nproject_name: a\nbackends:\n  label: x\nbuckets: {x: [y]}\ntarget_object: [b]\n")
    found = problems(path)
    assert [line for line, _ in found] == [None, 1, 4, 6]
    assert [text.split(" ")[0] for _, text in found] == ["the", "engine:", "backends.label:", "target_object"]


def test_several_errors_of_meaning_are_told_at_once_in_file_order(write):
    path = write(
        "prompts:\n  filter: '{nothing}'\nbuckets:\n  a.b: [x]\nfalcon_queries: [c]\n"
        "target_object: '{d}'\nproject_name: a/b\n"
    )
    assert [line for line, _ in problems(path)] == [2, 4, 6, 7]


def test_a_number_is_a_query_as_it_was_written(write):
    project = Project.load(write(HEAD + "buckets:\n  positive/a: [747, 007, 1.10]\n"))
    assert project.buckets["positive/a"].queries == ["747", "007", "1.10"]
