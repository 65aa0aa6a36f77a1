"""`Project`: the YAML a user writes, validated, with every default filled in.

The keys are those of the original data-label-factory (its files load unchanged) and a few new, optional ones;
docs/project-yaml.md lists them all. Nothing here reads anything but the YAML itself.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from dlf_core import partition_keys, prompts
from dlf_core.cron import cron_problem
from dlf_core.errors import ProjectError
from dlf_core.yaml_source import Location, YamlSource, load_yaml

FilterBackend = Literal["qwen", "gemma", "embedded"]
LabelBackend = Literal["falcon", "qwen", "gemma", "embedded", "pod"]
VerifyBackend = Literal["qwen", "gemma", "embedded", "pod"]
SourceName = Literal["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"]


def _text(value: object) -> object:
    """Numbers are words too (`- 747` is a query); `no` and `null` are mistakes that quotes repair."""
    if isinstance(value, bool) or value is None:
        word = {True: "yes, on or true", False: "no, off or false", None: "empty or null"}[value]
        raise ValueError(f"YAML read this as {word}, not as text; put it in quotes")
    if isinstance(value, (int, float)):
        return str(getattr(value, "written", value))
    if isinstance(value, str) and not value.strip():
        return ""  # which `min_length` below refuses
    return value


Text = Annotated[str, BeforeValidator(_text), Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bucket(_Section):
    """Where the images of one bucket come from. In the YAML a plain list is a list of queries."""

    queries: list[Text] = []
    videos: list[Text] = []
    folders: list[Text] = []
    urls: list[Text] = []

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        if isinstance(value, list):
            return {"queries": value}
        if value is None:
            return {}
        return value


class R2(_Section):
    """Cloudflare R2 (or any S3) locations of a project."""

    bucket: Text | None = None
    raw_prefix: Text = "raw/"
    labels_prefix: Text = "labels/"
    reviews_prefix: Text = "labels/reviews.json"


class Prompts(_Section):
    """Prompt templates; `{target_object}` and, in verify, `{query}` are filled in."""

    filter: Text = prompts.DEFAULT_FILTER
    verify: Text = prompts.DEFAULT_VERIFY
    label_describe: Text = prompts.DEFAULT_LABEL_DESCRIBE


class Backends(_Section):
    """Which model backend serves which stage."""

    filter: FilterBackend = "qwen"
    label: LabelBackend = "falcon"
    verify: VerifyBackend = "qwen"


class Pod(_Section):
    """A rented GPU machine (RunPod)."""

    gpu_types: list[Text] = []
    data_centers: list[Text] = []
    image: Text | None = None
    container_disk_gb: int | None = Field(default=None, gt=0)
    volume_gb: int | None = Field(default=None, ge=0)


class Schedule(_Section):
    """When the project is gathered and labelled again. In the YAML a plain text is the cron expression."""

    cron: Text
    timezone: Text = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"cron": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Schedule:
        if problem := cron_problem(self.cron):
            raise ValueError(f"'{self.cron}' {problem}; every night at three is '0 3 * * *'")
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"'{self.timezone}' is not a time zone; write one like 'Europe/Berlin'") from None
        return self


class Thresholds(_Section):
    """Numbers that decide; None means: what the backend recommends."""

    filter_score: float | None = Field(default=None, ge=0, le=1)
    label_score: float | None = Field(default=None, ge=0, le=1)
    verify_score: float | None = Field(default=None, ge=0, le=1)
    nms_iou: float = Field(default=0.5, gt=0, le=1)
    crop_padding: float | None = Field(default=None, ge=0, le=5)
    min_side: int = Field(default=32, ge=1)
    max_pixels: int = Field(default=100_000_000, ge=1)
    max_bytes: int = Field(default=100_000_000, ge=1)
    max_error_rate: float = Field(default=0.05, ge=0, le=1)
    min_yes_rate: float = Field(default=0.5, ge=0, le=1)


class Splits(_Section):
    """Shares of the data set, by image group; they are scaled to sum to one."""

    train: float = Field(default=0.8, ge=0)
    val: float = Field(default=0.1, ge=0)
    test: float = Field(default=0.1, ge=0)
    seed: int = 0
    duplicate_radius: int = Field(default=6, ge=0, le=32)

    @model_validator(mode="after")
    def _check(self) -> Splits:
        if self.train + self.val + self.test <= 0:
            raise ValueError("train, val and test are all 0; give at least one of them a share")
        return self

    def shares(self) -> dict[str, float]:
        """Split name → share, summing to 1, splits without a share left out."""
        total = self.train + self.val + self.test
        every = {"train": self.train, "val": self.val, "test": self.test}
        return {name: share / total for name, share in every.items() if share > 0}


class Project(_Section):
    """One labelling project, as its YAML says, defaults filled in."""

    project_name: Text
    target_object: Text
    buckets: dict[str, Bucket] = Field(min_length=1)
    falcon_queries: list[Text] = Field(min_length=1)
    description: str = ""
    data_root: Text | None = None
    r2: R2 = R2()
    prompts: Prompts = Prompts()
    backends: Backends = Backends()
    pod: Pod = Pod()
    schedule: Schedule | None = None
    sources: list[SourceName] = ["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"]
    classes: dict[str, Text] = {}
    thresholds: Thresholds = Thresholds()
    splits: Splits = Splits()
    engine: Literal["local", "ray"] = "local"
    ground_truth: Text | None = None

    _file: Path = PrivateAttr(default=Path("project.yaml"))

    @classmethod
    def load(cls, path: Path | str) -> Project:
        """Read and check a project YAML.

        Raises:
            ProjectError: with file, line and sentence for every problem found.
        """
        source = load_yaml(Path(path))
        problems: list[tuple[int | None, str]] = []
        try:
            project = cls.model_validate(source.data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                found = _explain(detail, source)
                if found not in problems:
                    problems.append(found)
            problems.sort(key=lambda problem: problem[0] or 0)
            raise ProjectError(source.path, problems) from None
        problems = [(source.line_of(at), text) for at, text in _meaning_problems(project)]
        if problems:
            raise ProjectError(source.path, sorted(problems, key=lambda problem: problem[0] or 0))
        project._file = source.path.resolve()
        return project

    @property
    def file(self) -> Path:
        """The YAML this project was read from, absolute."""
        return self._file

    @property
    def root(self) -> Path:
        """Where the project's data lies: below `DLF_DATA_ROOT` if set, else `data_root`, else the home folder."""
        if moved := os.environ.get("DLF_DATA_ROOT"):
            return Path(moved).expanduser().absolute() / self.project_name
        if self.data_root:
            return self.beside(self.data_root)
        return Path.home() / "data-label-factory" / self.project_name

    def beside(self, path: str) -> Path:
        """A path as the YAML means it: `~` expanded, relative to the YAML's folder."""
        expanded = Path(path).expanduser()
        return expanded if expanded.is_absolute() else self._file.parent / expanded

    @property
    def queries(self) -> list[str]:
        """The phrases given to the grounding model, each once, in YAML order."""
        return list(dict.fromkeys(self.falcon_queries))

    def class_of(self, query: str) -> str:
        """The class of the data set that a query's boxes belong to: by `classes`, else the query itself."""
        return self.classes.get(query, query)

    @property
    def class_map(self) -> dict[str, str]:
        """Query → class, for every query the project asks."""
        return {query: self.class_of(query) for query in self.queries}

    @property
    def class_names(self) -> list[str]:
        """Classes of the data set in order of first use; the index is the class id in every format."""
        return list(dict.fromkeys(self.class_of(query) for query in self.queries))

    def partition_keys(self) -> dict[str, str]:
        """Bucket path → Dagster partition key, in YAML order."""
        return {bucket: partition_keys.partition_key(self.project_name, bucket) for bucket in self.buckets}

    def filter_prompt(self) -> str:
        """The prompt of the filter stage as the model reads it."""
        return prompts.fill(self.prompts.filter, target_object=self.target_object)

    def verify_prompt(self, query: str) -> str:
        """The prompt of the verify stage for one query as the model reads it."""
        return prompts.fill(self.prompts.verify, target_object=self.target_object, query=query)


def _meaning_problems(project: Project) -> list[tuple[Location, str]]:
    """What types cannot express: names, placeholders, collisions."""
    found: list[tuple[Location, str]] = []
    if problem := partition_keys.name_problem(project.project_name):
        found.append((("project_name",), f"project_name {problem}"))
    if "{" in project.target_object or "}" in project.target_object:
        text = "target_object holds a curly brace, and it is filled into prompts with str.format; write it without."
        found.append((("target_object",), text))
    seen: dict[str, str] = {}
    for bucket in project.buckets:
        at = ("buckets", bucket)
        key = partition_keys.partition_key(project.project_name, bucket)
        if problem := partition_keys.bucket_problem(bucket):
            found.append((at, f"bucket {problem}"))
        elif len(key.encode()) > partition_keys.MAX_KEY_BYTES:
            found.append((at, f"bucket '{bucket}' makes a partition key longer than 180 bytes; shorten it."))
        form = partition_keys.collision_form(bucket)
        if form in seen:
            text = f"bucket '{bucket}' and bucket '{seen[form]}' are one name on a disk that ignores case; rename one."
            found.append((at, text))
        seen.setdefault(form, bucket)
    for stage in ("filter", "verify", "label_describe"):
        if problem := prompts.template_problem(stage, getattr(project.prompts, stage)):
            found.append((("prompts", stage), f"prompts.{stage} {problem}"))
    for query in project.classes:
        if query not in project.falcon_queries:
            hint = _nearest(query, project.falcon_queries)
            found.append((("classes", query), f"classes names '{query}', which is not in falcon_queries{hint}"))
    return found


def _explain(detail: Mapping[str, Any], source: YamlSource) -> tuple[int | None, str]:
    """One pydantic error as (line, sentence)."""
    # pydantic names union branches and '[key]' in its locations; the YAML has only keys and indexes
    location = tuple(part for part in detail["loc"] if part != "[key]")
    name = ".".join(str(part) for part in location) or "the file"
    line = source.line_of(_as_written(location, source))
    kind = detail["type"]
    if kind == "missing":
        return line, f"the required key '{name}' is missing."
    if kind == "extra_forbidden":
        known = _keys_at(location[:-1])
        hint = _nearest(str(location[-1]), known)
        return line, f"unknown key '{name}'{hint} Known here: {', '.join(known)}."
    if kind in ("too_short", "string_too_short"):
        if location == ("buckets",):
            return line, "buckets is empty; name at least one, such as 'positive/clear_view'."
        return line, f"{name} is empty; give it at least one value."
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return line, f"{name} must be a mapping of 'key: value' lines, not {_shown(detail['input'])}."
    if kind == "list_type":
        return line, f"{name} must be a list (lines that begin with '- '), not {_shown(detail['input'])}."
    if kind == "string_type":
        return line, f"{name} must be text, not {_shown(detail['input'])}."
    if kind == "literal_error":
        choices = re.findall(r"'([^']+)'", detail["ctx"]["expected"])
        wrong = detail["input"]
        hint = _nearest(str(wrong), choices)
        return line, f"{name}: {_shown(wrong)} is not one of {', '.join(choices)}{hint}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return line, f"{name}: {message}."


def _as_written(location: Location, source: YamlSource) -> Location:
    """A location as it stands in the file: a bucket written as a plain list has no `queries` in it."""
    if len(location) > 3 and location[0] == "buckets" and location[2] == "queries":
        plain = (*location[:2], *location[3:])
        if plain in source.lines:
            return plain
    return location


def _nearest(word: str, known: list[str]) -> str:
    """The end of a sentence: the nearest known word as a question, or a full stop."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else "."


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _keys_at(location: Location) -> list[str]:
    """The keys a section knows, found by walking the model along a location."""
    model: type[BaseModel] = Project
    annotation: Any = Project
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[str(part)].annotation
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        if get_origin(annotation) in (Union, UnionType):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        model = annotation
    return list(model.model_fields)
