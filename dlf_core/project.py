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

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from dlf_core import partition_keys, prompts
from dlf_core.errors import ProjectError
from dlf_core.licenses import Family
from dlf_core.sections import (
    R2,
    Backends,
    Bucket,
    Duplicates,
    Pod,
    PriceEntry,
    Prompts,
    Relabel,
    Rights,
    Schedule,
    Section,
    Server,
    ServerName,
    SourceName,
    Splits,
    Text,
    Thresholds,
    VideoSettings,
    WebSettings,
)
from dlf_core.yaml_source import Location, YamlSource, load_yaml


class Project(Section):
    """One labelling project, as its YAML says, defaults filled in."""

    project_name: Text
    target_object: Text
    buckets: dict[str, Bucket] = Field(min_length=1)
    falcon_queries: list[Text] = Field(min_length=1)
    description: str = ""
    data_root: Text | None = None
    store: Literal["local", "r2"] | None = None
    r2: R2 = R2()
    prompts: Prompts = Prompts()
    backends: Backends = Backends()
    servers: dict[ServerName, Server] = Field(default={})
    prices: dict[ServerName, PriceEntry] = Field(default={})
    masks: bool = False
    pod: Pod = Pod()
    schedule: Schedule | None = None
    relabel: Relabel = Relabel()
    sources: list[SourceName] = Field(default=["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"])
    web: WebSettings = WebSettings()
    video: VideoSettings = VideoSettings()
    licenses: Annotated[list[Family], Field(min_length=1)] | None = None
    rights: Rights = Rights()
    duplicates: Duplicates = Duplicates()
    classes: dict[str, Text] = Field(default={})
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
        try:
            expanded = Path(path).expanduser()
        except RuntimeError:  # `~$a.jpg` is no user's home
            expanded = Path(path)
        return expanded if expanded.is_absolute() else self._file.parent / expanded

    def server(self, backend: str) -> Server:
        """How a backend is asked."""
        return next((asked for name, asked in self.servers.items() if name == backend), Server())

    def price(self, backend: str) -> PriceEntry | None:
        """What a backend takes; None for one that is free or not in the table."""
        return next((entry for name, entry in self.prices.items() if name == backend), None)

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
    for bucket, wanted in project.buckets.items():
        for kind in ("urls", "videos"):
            for number, line in enumerate(getattr(wanted, kind)):
                if "@" in line.partition("://")[2].partition("/")[0]:
                    text = f"a line of {kind} holds a user name or password; give an address that needs none."
                    found.append((("buckets", bucket, kind, number), text))
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
    if location[:2] == ("backends", "label") and location not in source.lines:
        location = location[:2]  # one backend, written as plain text
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
