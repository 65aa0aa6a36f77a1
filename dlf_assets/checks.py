"""What must hold between stages: the asset checks, their column schemas, and when the next stage may start by itself.

A blocking check stops its own partition: the stages after it do not run for that bucket, other buckets go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.stability import Stability
from dlf_core.boxes import as_boxes, valid
from dlf_core.project import Project
from dlf_core.records import SCHEMAS
from dlf_resources.sources.searching import Ended, Search

# Buckets of these kinds are gathered in order not to show the target; nothing kept there is no alarm.
WITHOUT_TARGET = ("negative", "distractor", "background")

# Candidates that are no images, as opposed to images that are not wanted.
_BAD = ("corrupt", "not_an_image", "unreadable")

_SPECS: dict[str, list[tuple[str, bool, str]]] = {
    "gathered_images": [
        ("images_decode", True, "Of the candidates at least one became an image; unreadable ones are few."),
        ("sources_answer", True, "The sources delivered something; those that throttle or fail are named."),
    ],
    "filtered_images": [
        ("keep_rate", True, "The filter kept something (no alarm in negative, distractor and background buckets)."),
        ("backend_errors", True, "The backend failed on at most thresholds.max_error_rate of the images."),
        (
            "stable_answers",
            False,
            "Of old answers that were asked for again at most relabel.max_changed changed.",
        ),
    ],
    "labeled_boxes": [
        ("backend_errors", True, "The backend failed on at most thresholds.max_error_rate of the groundings."),
        ("boxes_in_bounds", True, "Every box lies in its image and has an area."),
    ],
    "verified_boxes": [
        ("backend_errors", True, "The backend failed on at most thresholds.max_error_rate of the boxes."),
        ("yes_rate", False, "At least thresholds.min_yes_rate of the boxes are what their query says."),
        (
            "stable_answers",
            False,
            "Of old answers that were asked for again at most relabel.max_changed changed.",
        ),
    ],
}


def specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of an asset."""
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=text, partitions_def=PROJECT_BUCKET)
        for name, blocking, text in _SPECS[asset]
    ]


def eager_when_checked() -> dg.AutomationCondition:
    """As soon as what it is made from is new and its blocking checks passed."""
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()


def column_schema(stage: str) -> dict[str, dg.TableSchema]:
    """Dagster's column schema of a stage table, with the units as descriptions."""
    columns = []
    for field in SCHEMAS[stage]:
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        constraints = dg.TableColumnConstraints(nullable=field.nullable)
        columns.append(dg.TableColumn(field.name, str(field.type), unit or None, constraints))
    return {"dagster/column_schema": dg.TableSchema(columns)}


def of_gather(table: pa.Table, searches: Sequence[Search]) -> list[dg.AssetCheckResult]:
    """Checks of a gather table, and of the searches behind it."""
    states = table["state"].to_pylist()
    kept = states.count("kept") + states.count("duplicate")
    bad = sum(state in _BAD for state in states)
    if not states:
        said, passed, blocks = "the bucket is empty: its sources offered nothing", True, False
    elif not kept:
        said, passed, blocks = f"none of {len(states)} candidates became an image", False, True
    else:
        said, passed, blocks = f"{bad} of {len(states)} candidates could not be decoded", bad <= len(states) / 2, False
    return [_result("images_decode", passed, said, blocks=blocks), _sources_answer(searches)]


def _sources_answer(searches: Sequence[Search]) -> dg.AssetCheckResult:
    silent = [one for one in searches if one.ended is not Ended.ANSWERED]
    if not silent:
        return _result("sources_answer", True, f"all {len(searches)} searches were answered")
    ways = Counter((one.source, str(one.ended)) for one in silent)
    said = ", ".join(f"{source} {how} ({count} of its searches)" for (source, how), count in sorted(ways.items()))
    delivered = sum(len(one.candidates) for one in searches)
    if delivered:
        return _result("sources_answer", False, f"{said}; the others found {delivered} candidates", blocks=False)
    first = next((one for one in silent if one.ended is Ended.THROTTLED), silent[0])
    later = " Try again later." if first.ended is Ended.THROTTLED else ""
    why = str(first.said).rstrip(".")
    return _result("sources_answer", False, f"no source delivered anything: {said}; {why}.{later}")


def of_filter(table: pa.Table, bucket: str, project: Project) -> list[dg.AssetCheckResult]:
    """Checks of a filter table."""
    verdicts = table["verdict"].to_pylist()
    yes = verdicts.count("YES")
    said = f"kept {yes} of {len(verdicts)} images"
    expected = bucket.split("/")[0] not in WITHOUT_TARGET
    if verdicts and not yes:
        said += "; " + (f"is '{project.target_object}' what these images show?" if expected else "as such a bucket may")
    keep = _result("keep_rate", not verdicts or bool(yes) or not expected, said)
    return [keep, _errors(verdicts.count("ERROR"), len(verdicts), "images", project)]


def of_label(table: pa.Table, project: Project) -> list[dg.AssetCheckResult]:
    """Checks of a label table."""
    corners = [(box["x1"], box["y1"], box["x2"], box["y2"]) for found in table["boxes"].to_pylist() for box in found]
    outside = int((~valid(as_boxes(corners))).sum())
    errors = pc.sum(pc.equal(table["status"], "ERROR")).as_py() or 0
    return [
        _errors(errors, len(table), "groundings", project),
        _result("boxes_in_bounds", outside == 0, f"{outside} of {len(corners)} boxes are out of bounds or empty"),
    ]


def of_verify(table: pa.Table, project: Project) -> list[dg.AssetCheckResult]:
    """Checks of a verify table."""
    verdicts = table["verdict"].to_pylist()
    errors = verdicts.count("ERROR")
    judged = len(verdicts) - errors
    rate = verdicts.count("YES") / judged if judged else 1.0
    enough = rate >= project.thresholds.min_yes_rate
    said = f"{rate:.0%} of {judged} boxes were verified" if judged else "there was no box to verify"
    if not enough:
        said += "; the queries are too noisy or the target is too narrow"
    return [_errors(errors, len(verdicts), "boxes", project), _result("yes_rate", enough, said, blocks=False)]


def of_stability(found: Stability, project: Project) -> dg.AssetCheckResult:
    """Whether the backend still says what it said."""
    if found.rate is None:
        none = "no old answer was asked for again" if not found.asked else f"none of {found.asked} was answered again"
        return _result("stable_answers", True, none)
    passed = found.rate <= project.relabel.max_changed
    said = f"{found.changed} of {found.asked - found.errors} old answers ({found.rate:.0%}) are others now"
    if not passed:
        said += "; has the server another model under the same name?"
    return _result("stable_answers", passed, said, blocks=False)


def _errors(errors: int, asked: int, what: str, project: Project) -> dg.AssetCheckResult:
    passed = errors <= asked * project.thresholds.max_error_rate
    return _result("backend_errors", passed, f"the backend failed on {errors} of {asked} {what}")


def _result(name: str, passed: bool, said: str, *, blocks: bool = True) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=passed, check_name=name, severity=severity, description=said)
