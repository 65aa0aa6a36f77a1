"""Publishing what Dagster has made: its measurement in the card, and no token in its metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Commands
from factory import Factory
from finished_projects import Finished, box
from hub.client import point_at
from hub.server import TOKEN, Hub

from dlf_assets.automation.jobs import DATASET

PEOPLE = "maker/people"


@pytest.fixture
def dlf(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


def test_the_card_tells_what_was_measured_of_this_very_data_set(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dlf: Commands
) -> None:
    truth = tmp_path / "truth.json"
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [9.6, 12.8, 38.4, 38.4]}
    image = {"id": 1, "file_name": "1.jpg", "width": 96, "height": 64}
    truth.write_text(
        json.dumps({"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "person"}]})
    )
    stages = Finished(factory.project(ground_truth=str(truth)))
    other = (0.6, 0.1, 0.9, 0.3)
    stages.image(1, box("b1", decision="approved", reviewer="r"), box("b2", corners=other)).write()
    with Hub() as hub:
        point_at(hub, tmp_path / "home", monkeypatch)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        made = factory.run(DATASET, "p")["dataset"]
        assert (made["precision"], made["recall"]) == (0.5, 1.0)
        assert TOKEN not in repr([made, factory.result.all_events])
        measured = "Against 1 ground-truth boxes, IoU 0.5: precision 0.500, recall 1.000"
        assert measured in Path(made["card"]).read_text()
        dlf("publish", "-p", "p", "--to", PEOPLE, "--yes")
        assert measured in hub.files(PEOPLE)["README.md"].decode()
        dlf("publish", "-p", "p", "--to", PEOPLE, "--yes", "--only-approved")
        assert len(hub.commits(PEOPLE)) == 2
        assert "precision 0.500" not in hub.files(PEOPLE)["README.md"].decode()
        stages.image(2, box("b3")).write()
        dlf("publish", "-p", "p", "--to", PEOPLE, "--yes")
        assert len(hub.commits(PEOPLE)) == 3
        assert "precision 0.500" not in hub.files(PEOPLE)["README.md"].decode()
    home = [path for path in factory.workspace.root.rglob("*") if path.is_file()]
    assert [path for path in home if TOKEN.encode() in path.read_bytes()] == []
