"""A YAML file as plain data, together with the line on which every key and item stands.

PyYAML keeps line marks on its nodes but loses them when it builds values, and silently lets the last of
two equal keys win. Here the values are built from the nodes, so both can be reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dlf_core.errors import ProjectError

# Aliases can make a small file expand without end ("billion laughs").
MAX_NODES = 200_000
MAX_BYTES = 4_000_000

Location = tuple[str | int, ...]


class WrittenInt(int):
    """A whole number that knows how it was written: `007` is seven, and as a query it is `007`."""

    written: str

    def __new__(cls, value: int, written: str) -> WrittenInt:
        """`written`: the text in the file."""
        number = super().__new__(cls, value)
        number.written = written
        return number


class WrittenFloat(float):
    """A number that knows how it was written: `1.10`."""

    written: str

    def __new__(cls, value: float, written: str) -> WrittenFloat:
        """`written`: the text in the file."""
        number = super().__new__(cls, value)
        number.written = written
        return number


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML mapping. `lines[("buckets", "positive/x", 0)]` is a 1-based line number."""

    path: Path
    data: dict[str, Any]
    lines: dict[Location, int]

    def line_of(self, location: Location) -> int | None:
        """The line of a key, or of the nearest key above it that exists in the file."""
        for end in range(len(location), 0, -1):
            if (line := self.lines.get(location[:end])) is not None:
                return line
        return None


def load_yaml(path: Path) -> YamlSource:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ProjectError: unreadable, not UTF-8, not YAML, empty, not a mapping, or a key stands twice.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProjectError(path, [(None, f"cannot be read: {error.strerror or error}.")]) from None
    if len(raw) > MAX_BYTES:
        raise ProjectError(path, [(None, f"is {len(raw):,} bytes; a project file is a few kilobytes.")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProjectError(path, [(line, "is not UTF-8 text; save the file as UTF-8.")]) from None
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ProjectError(path, [(None, "is empty; see project_configs/sample.yaml for a project to copy.")])
        if not isinstance(node, yaml.MappingNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
            found = f"holds {kind} at the top; a project is a mapping of keys such as 'project_name: …'."
            raise ProjectError(path, [(node.start_mark.line + 1, found)])
        builder = _Builder(path, loader)
        data = builder.build(node, ())
        if builder.problems:
            raise ProjectError(path, sorted(set(builder.problems)))
        return YamlSource(path, data, builder.lines)
    except yaml.YAMLError as error:
        raise ProjectError(path, [_explain(error, text)]) from None
    except RecursionError:
        raise ProjectError(path, [(None, "is nested too deeply for a project file.")]) from None
    finally:
        if loader is not None:
            loader.dispose()


class _Builder:
    """Builds values from nodes; remembers lines; collects duplicate and non-text keys."""

    def __init__(self, path: Path, loader: yaml.SafeLoader):
        self.path = path
        self.loader = loader
        self.lines: dict[Location, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, at: Location) -> Any:
        self._nodes += 1
        line = node.start_mark.line + 1
        if self._nodes > MAX_NODES or id(node) in self._open:
            raise ProjectError(self.path, [(line, "expands without end through its aliases (&name, *name).")])
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._item(child, (*at, index)) for index, child in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, at)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        line = node.start_mark.line + 1
        try:
            value = self.loader.construct_object(node)
        except ValueError as error:
            raise ProjectError(
                self.path, [(line, f"'{node.value}' cannot be read: {error}; quotes make it text.")]
            ) from None
        if type(value) is int:
            return WrittenInt(value, node.value)
        if type(value) is float:
            return WrittenFloat(value, node.value)
        return value

    def _item(self, node: yaml.Node, at: Location) -> Any:
        self.lines[at] = node.start_mark.line + 1
        return self.build(node, at)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                line = key_node.start_mark.line + 1
                if key_node.value in seen:
                    first = seen[key_node.value]
                    self.problems.append((line, f"key '{key_node.value}' stands twice (first on line {first})."))
                seen.setdefault(key_node.value, line)
        self.loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append((line, "a key must be a word, not a list or a mapping."))
                continue
            key = str(key_node.value)
            where = (*at, key)
            self.lines[where] = line
            result[key] = self.build(value_node, where)
        return result


def _explain(error: yaml.YAMLError, text: str) -> tuple[int | None, str]:
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return line, f"holds a control character (code {error.character}) that YAML does not allow; delete it."
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    at = None if mark is None else int(mark.line) + 1
    problem = str(getattr(error, "problem", None) or error)
    if at is not None:
        lines = text.splitlines() or [""]
        bad_line = lines[min(at, len(lines)) - 1]
        if "\t" in bad_line[: len(bad_line) - len(bad_line.lstrip())] or "'\\t'" in problem:
            return at, "is indented with a tab; YAML wants spaces."
    return at, f"is not valid YAML: {problem}."
