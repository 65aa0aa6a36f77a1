"""A gather of a part: a smoke test with a limit, rows of other versions, what was noted before a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from model_servers.loopback import status
from web_project import WebFactory, WebOfThree, web_factory
from workspaces import TestWorkspace

from dlf_resources.stores.journal import Journal


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        web.openverse.rows = web.openverse_rows(*range(6))
        yield web


@pytest.fixture
def factory(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree) -> Iterator[WebFactory]:
    with web_factory(workspace, monkeypatch.setenv, web) as factory:
        factory.project(sources="[openverse]")
        yield factory


def table_of(factory: WebFactory) -> Path:
    return factory.workspace.data("p") / "labels" / "gather" / "p__positive.x.parquet"


def test_after_a_smoke_test_no_service_is_asked_again(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather(limit=2)
    assert len(factory.rows()) == 2
    asked = web.searches()
    factory.gather()
    assert web.searches() == asked
    assert len(factory.rows()) == 6
    factory.gather()
    assert web.searches() != asked, "a gather that was whole has forgotten what it was told"


def test_again_with_a_limit_forgets_no_rejected_one_beyond_it(factory: WebFactory, web: WebOfThree) -> None:
    for number in range(6):
        web.photos.always(f"/{number}.jpg", status(404))
    factory.gather()
    assert web.photos.asked_for.total() == 6
    factory.gather(again=True, limit=2)
    assert web.photos.asked_for.total() == 8
    assert [row["state"] for row in factory.rows()] == ["http_error"] * 6
    factory.gather()
    assert web.photos.asked_for.total() == 8


def test_what_an_earlier_version_did_not_fetch_is_fetched_now(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather()
    table = pq.read_table(table_of(factory))
    for name, value in (("state", "not_fetched"), ("path", None), ("image_id", None)):
        first = pc.equal(table["order"], 0)
        column = pc.if_else(first, pa.scalar(value, pa.string()), table[name])
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    pq.write_table(table, table_of(factory))
    factory.gather()
    assert [row["state"] for row in factory.rows()] == ["kept"] * 6
    assert sorted(web.photos.asked_for.values()) == [1, 1, 1, 1, 1, 2]


def test_a_journal_is_read_as_far_as_its_lines_are_whole(tmp_path: Path) -> None:
    with Journal(tmp_path / "work" / "fetched.jsonl") as journal:
        journal.note("a", {"path": "raw/x/1.jpg"})
        journal.note("b", {"path": None, "state": "corrupt"})
        journal.note("a", {"path": "raw/x/2.jpg"})
    file = tmp_path / "work" / "fetched.jsonl"
    file.write_bytes(file.read_bytes() + b'["c",{"path":"ra')
    assert Journal(file).read() == {"a": {"path": "raw/x/2.jpg"}, "b": {"path": None, "state": "corrupt"}}
    assert Journal(tmp_path / "none.jsonl").read() == {}
    journal.note("d", {})  # closed: nothing is written
    assert len(Journal(file).read()) == 2
