"""What the Hub finds wrong in the metadata on top of a data set's README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import yaml

BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))")

_IDENTIFIERS = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown
    other
"""
LICENSES = frozenset(_IDENTIFIERS.split())
SIZES = (
    *("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "10B<n<100B"),
    *("100B<n<1T", "n>1T"),
)


@dataclass(frozen=True)
class Card:
    """A README.md: its metadata (None: it has none; a text: what is wrong with their YAML), and the text below."""

    metadata: Any
    text: str

    @classmethod
    def of(cls, content: str) -> Self:
        found = BLOCK.search(content)
        if found is None:
            return cls(None, content)
        try:
            return cls(yaml.safe_load(found.group(2)), content[found.end() :])
        except yaml.YAMLError as error:
            return cls(f"Invalid YAML: {error}", content[found.end() :])


def checked(content: str) -> tuple[list[str], list[str]]:
    """The errors in a README.md, which keep it from being committed, and the warnings."""
    metadata = Card.of(content).metadata
    if metadata is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if isinstance(metadata, str):
        return [metadata], []
    if not isinstance(metadata, dict):
        return ['"value" must be of type object'], []
    errors: list[str] = []
    for name in _listed(metadata, "license"):
        if name not in LICENSES:
            errors.append(f'"license" must be one of [{", ".join(sorted(LICENSES))}]')
    for name in ("tags", "task_categories", "size_categories"):
        if not all(isinstance(value, str) for value in _listed(metadata, name)):
            errors.append(f'"{name}" must be a string')
    warnings = [f'"{size}" is no size category' for size in _listed(metadata, "size_categories") if size not in SIZES]
    for number, config in enumerate(_listed(metadata, "configs")):
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            errors.append(f'"configs[{number}].config_name" is required')
    return errors, warnings


def _listed(metadata: dict[str, Any], name: str) -> list[Any]:
    value = metadata.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
