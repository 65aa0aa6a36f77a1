"""What the tests of the page look at: two projects that the real pipeline makes of the sample photos."""

from __future__ import annotations

import shutil
from pathlib import Path

from workspaces import SAMPLE, TestWorkspace, make_workspace

BUCKETS = {"positive/people": SAMPLE / "photos" / "people", "other/animals": SAMPLE / "photos" / "animals"}
CROWD = SAMPLE / "photos" / "people" / "000000184324.jpg"
QUERIES = "[person, zebra, handbag]"


def make_projects(root: Path) -> TestWorkspace:
    """`people`, six photos with some boxes each, and `crowd`, one photo on which the detector draws hundreds of boxes,
    since it may draw what it is hardly sure of. The folder is there when all of it is."""
    unfinished = root.with_name(f"{root.name}-making")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that failed here: this one is to fail as it did
    making = make_workspace(unfinished)
    crowd = making.root / "crowd"
    crowd.mkdir()
    shutil.copy(CROWD, crowd)
    making.write_project("people", BUCKETS, falcon_queries=QUERIES, thresholds="{filter_score: 0.05}")
    few = "{label_score: 0.05, filter_score: 0.05}"
    # Beside the YAML: the workspace is copied to another place for each test.
    making.write_project("crowd", {"positive/street": "../crowd"}, falcon_queries=QUERIES, thresholds=few)
    for name in ("people", "crowd"):
        done = making.dlf("pipeline", "--project", name)
        assert done.returncode == 0, done.stderr
    making.root.rename(root)
    return TestWorkspace(root)
