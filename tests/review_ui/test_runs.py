"""A bucket leads to the Dagster run that made what is shown of it."""

from __future__ import annotations

import pytest
from review_project import BUCKETS
from starlette.testclient import TestClient

from dlf_core.project import Project
from dlf_resources.pages import DAGSTER_UI
from dlf_resources.projects import tables_of


@pytest.mark.parametrize(
    ("said", "start"),
    [
        (None, DAGSTER_UI),
        ("https://dagster.example/ui/", "https://dagster.example/ui"),
        ("dagster.example:3000", DAGSTER_UI),
        ("javascript:alert(1)//", DAGSTER_UI),
    ],
)
def test_a_bucket_names_the_run_that_made_it_and_none_where_none_is_known(
    page: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch, said: str | None, start: str
) -> None:
    monkeypatch.delenv("DLF_DAGSTER_URL", raising=False)
    if said is not None:
        monkeypatch.setenv("DLF_DAGSTER_URL", said)
    tables, key = tables_of(project), project.partition_keys()[BUCKETS[0]]
    # The same content again would still be of whatever wrote it first.
    tables.write("review", key, tables.read_or_empty("review", key).slice(1), run="r1")
    street, empty = page.get("/api/project", params={"project": "cars"}).json()["buckets"]
    assert (street["bucket"], street["boxes"], street["run"]) == (BUCKETS[0], 5, f"{start}/runs/r1")
    assert (empty["bucket"], empty["run"]) == (BUCKETS[1], None)
