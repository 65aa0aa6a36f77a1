from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlf_core import sections
from dlf_core.errors import ProjectError
from dlf_core.project import Project
from dlf_core.sections import Backends, PriceEntry, Server
from dlf_core.usage import Price, Usage

GUIDE = Path(__file__).parents[2] / "docs" / "project-yaml.md"


def one_problem(path) -> tuple[int | None, str]:
    with pytest.raises(ProjectError) as caught:
        Project.load(path)
    ((line, text),) = caught.value.problems
    assert str(caught.value) == f"{path}:{line}: {text}"
    return line, text


def test_a_server_nobody_writes_of_is_asked_as_suits_its_backend(write, smallest):
    project = Project.load(write(smallest + "servers:\n  qwen: {max_in_flight: 32}\n"))
    assert project.server("qwen") == Server(max_in_flight=32)
    assert project.server("falcon") == project.server("embedded") == Server()
    assert set(Server().model_dump().values()) == {None}


@pytest.mark.parametrize("name", ["qwen", "gemma", "falcon", "falcon-mlx"])
def test_every_server_has_its_section(write, smallest, name):
    project = Project.load(write(f"{smallest}servers:\n  {name}: {{max_pixels: 3136, request_seconds: 0.5}}\n"))
    assert project.server(name) == Server(max_pixels=3136, request_seconds=0.5)
    assert Project.load(write(f"{smallest}servers:\n  {name}: {{}}\n")).server(name) == Server()


@pytest.mark.parametrize("count", [1, 1024])
def test_as_many_requests_are_in_flight_as_the_bounds_allow(write, smallest, count):
    project = Project.load(write(f"{smallest}servers:\n  falcon: {{max_in_flight: {count}}}\n"))
    assert project.server("falcon").max_in_flight == count


def test_a_price_is_in_its_currency_and_what_is_not_written_is_free(write, smallest):
    text = "prices:\n  qwen: {input_per_million: 0.2}\n  gemma: {currency: EUR, per_hour: 2}\n"
    project = Project.load(write(smallest + text))
    qwen, gemma = project.price("qwen"), project.price("gemma")
    assert qwen is not None
    assert gemma is not None
    assert qwen.price() == Price("USD", input_per_million=0.2)
    assert gemma.price() == Price("EUR", per_hour=2.0)
    assert qwen.price().of(Usage(input_tokens=5_000_000), 3600) == pytest.approx(1.0)
    assert project.price("falcon") is None
    assert project.price("embedded") is None


@pytest.mark.parametrize(("word", "value"), [("true", True), ("yes", True), ("false", False), ("off", False)])
def test_masks_and_managed_servers_are_switched_on_and_off(write, smallest, word, value):
    project = Project.load(write(f"{smallest}masks: {word}\nbackends:\n  manage: {word}\n"))
    assert (project.masks, project.backends.manage) == (value, value)


@pytest.mark.parametrize("overlap", [0.01, 1])
def test_the_overlap_of_fusion_has_its_bounds(write, smallest, overlap):
    assert Project.load(write(f"{smallest}backends: {{fusion_iou: {overlap}}}\n")).backends.fusion_iou == overlap


def test_a_list_of_backends_may_stand_on_lines_of_its_own(write, smallest):
    project = Project.load(write(smallest + "backends:\n  label:\n    - falcon-mlx\n    - embedded\n"))
    assert project.backends.label == ["falcon-mlx", "embedded"]
    assert (project.backends.filter, project.backends.verify) == ("qwen", "qwen")


def test_one_project_does_not_change_the_servers_of_the_next(write, smallest):
    Project.load(write(smallest + "servers:\n  qwen: {max_in_flight: 2}\nprices:\n  qwen: {per_hour: 1}\n"))
    project = Project.load(write(smallest))
    assert (project.servers, project.prices) == ({}, {})
    assert (project.server("qwen"), project.price("qwen")) == (Server(), None)


# The head of the file is seven lines long.
@pytest.mark.parametrize(
    ("extra", "line", "start"),
    [
        (
            "backends: {label: [qwen, qwen]}\n",
            8,
            "backends: label names a backend twice (gemma and pod mean falcon there); name each once.",
        ),
        ("backends: {label: [a, embedded]}\n", 8, "backends.label.0: 'a' is not one of falcon, falcon-mlx, qwen"),
        (
            "backends:\n  label:\n    - falcon\n    - qwn\n",
            11,
            "backends.label.1: 'qwn' is not one of falcon, falcon-mlx, qwen, gemma, embedded, pod; did you mean 'q",
        ),
        ("backends:\n  label: qwn\n", 9, "backends.label: 'qwn' is not one of falcon, "),
        ("backends:\n  label: []\n", 9, "backends.label is empty"),
        ("backends:\n  label:\n", 9, "backends.label must be a list"),
        ("backends:\n  label: 5\n", 9, "backends.label must be a list"),
        ("backends:\n  label: {falcon: yes}\n", 9, "backends.label must be a list"),
        ("backends:\n  label: [[qwen]]\n", 9, "backends.label.0: a list is not one of"),
        ("backends:\n  filter: [qwen]\n", 9, "backends.filter: a list is not one of"),
        ("backends:\n  fusion_iou: 0\n", 9, "backends.fusion_iou: Input should be greater than 0."),
        ("backends:\n  fusion_iou: 1.01\n", 9, "backends.fusion_iou: Input should be less than or equal to 1."),
        ("backends:\n  fusion_iou: .nan\n", 9, "backends.fusion_iou: Input should be a finite number."),
        ("backends:\n  fusion_iou: high\n", 9, "backends.fusion_iou: "),
        ("backends:\n  manage: maybe\n", 9, "backends.manage: "),
        ("backends:\n  manage: 3\n", 9, "backends.manage: "),
        ("backends:\n  fusion: 0.4\n", 9, "unknown key 'backends.fusion'; did you mean 'fusion_iou'?"),
        ("servers: []\n", 8, "servers must be a mapping"),
        ("servers:\n", 8, "servers must be a mapping"),
        ("servers:\n  qwn: {}\n", 9, "servers.qwn: 'qwn' is not one of qwen, gemma, falcon, falcon-mlx; did you mean"),
        ("servers:\n  falcon_mlx: {}\n", 9, "servers.falcon_mlx: 'falcon_mlx' is not one of "),
        (
            "servers:\n  embedded: {}\n",
            9,
            "servers.embedded: 'embedded' is not one of qwen, gemma, falcon, falcon-mlx.",
        ),
        ("servers:\n  qwen: {}\n  qwen: {}\n", 10, "key 'qwen' stands twice (first on line 9)."),
        ("servers:\n  qwen:\n", 9, "servers.qwen must be a mapping"),
        ("servers:\n  qwen: 5\n", 9, "servers.qwen must be a mapping"),
        (
            "servers:\n  qwen:\n    max_inflight: 3\n",
            10,
            "unknown key 'servers.qwen.max_inflight'; did you mean 'max_in_",
        ),
        ("servers:\n  qwen:\n    max_in_flight: 0\n", 10, "servers.qwen.max_in_flight: "),
        ("servers:\n  qwen:\n    max_in_flight: 1025\n", 10, "servers.qwen.max_in_flight: "),
        ("servers:\n  qwen:\n    max_in_flight: 2.5\n", 10, "servers.qwen.max_in_flight: "),
        ("servers:\n  gemma:\n    request_seconds: 0\n", 10, "servers.gemma.request_seconds: "),
        ("servers:\n  gemma:\n    request_seconds: .inf\n", 10, "servers.gemma.request_seconds: "),
        ("servers:\n  gemma:\n    request_seconds: 1 min\n", 10, "servers.gemma.request_seconds: "),
        ("servers:\n  falcon:\n    image_seconds: -1\n", 10, "servers.falcon.image_seconds: "),
        ("servers:\n  falcon-mlx:\n    max_pixels: 3135\n", 10, "servers.falcon-mlx.max_pixels: "),
        ("prices: 5\n", 8, "prices must be a mapping"),
        ("prices:\n  openai: {}\n", 9, "prices.openai: 'openai' is not one of "),
        ("prices:\n  qwen: 3\n", 9, "prices.qwen must be a mapping"),
        ("prices:\n  qwen:\n    per_milion: 1\n", 10, "unknown key 'prices.qwen.per_milion'; did you mean "),
        ("prices:\n  qwen:\n    input_per_million: -1\n", 10, "prices.qwen.input_per_million: "),
        ("prices:\n  qwen:\n    output_per_million: free\n", 10, "prices.qwen.output_per_million: "),
        ("prices:\n  qwen:\n    per_request:\n", 10, "prices.qwen.per_request: "),
        ("prices:\n  qwen:\n    per_hour: .nan\n", 10, "prices.qwen.per_hour: "),
        ("prices:\n  qwen:\n    currency: no\n", 10, "prices.qwen.currency: YAML read this as no, off or false"),
        ("prices:\n  qwen:\n    currency: ''\n", 10, "prices.qwen.currency is empty"),
        ("masks: maybe\n", 8, "masks: "),
        ("masks: [person]\n", 8, "masks: "),
        ("mask: true\n", 8, "unknown key 'mask'; did you mean 'masks'?"),
    ],
)
def test_an_error_names_file_line_and_key(write, smallest, extra, line, start):
    found, text = one_problem(write(smallest + extra))
    assert found == line
    assert text.startswith(start)
    assert text.endswith((".", "?"))


def test_several_errors_of_the_sections_are_told_at_once_in_file_order(write, smallest):
    text = "servers:\n  qwen: {max_in_flight: 0}\n  x: {}\nmasks: maybe\nprices: {qwen: {per_hour: -1}}\n"
    with pytest.raises(ProjectError) as caught:
        Project.load(write(smallest + text))
    assert [(line, said.split(" ")[0]) for line, said in caught.value.problems] == [
        (9, "servers.qwen.max_in_flight:"),
        (10, "servers.x:"),
        (11, "masks:"),
        (12, "prices.qwen.per_hour:"),
    ]


def code_words(markdown: str) -> set[str]:
    """Words that stand in code: between backticks, or in a fenced block."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE))
    return {word for code in fenced + spans for word in re.findall(r"\w+", code)}


@pytest.mark.parametrize(
    "section",
    [
        Project,
        Backends,
        Server,
        PriceEntry,
        sections.Bucket,
        sections.Prompts,
        sections.Schedule,
        sections.Thresholds,
        sections.Splits,
    ],
)
def test_every_key_is_documented(section):
    documented = code_words(GUIDE.read_text(encoding="utf-8"))
    assert [key for key in section.model_fields if key not in documented] == []
