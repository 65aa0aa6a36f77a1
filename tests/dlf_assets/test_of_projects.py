"""What the YAMLs add to the definitions, and what a broken one does to the others."""

from __future__ import annotations

import dagster as dg
import pytest
from workspaces import TestWorkspace

from dlf_assets.automation.of_projects import broken_assets, fingerprint, of_projects
from dlf_assets.automation.reloading import reload_where_possible
from dlf_assets.definitions import build
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import Projects


@pytest.fixture(autouse=True)
def here(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLF_HOME", str(workspace.root))


def test_every_project_has_its_jobs_with_its_tag(workspace: TestWorkspace) -> None:
    workspace.write_project("drones", {"x": "y"}, relabel="{sample: 0.02}")
    workspace.write_project("a b", {"x": "y"})
    definitions = build()
    for identifier, name in {"drones": "drones", "a_b": "a b"}.items():
        for kind in ("pipeline", "relabel"):
            job = definitions.resolve_job_def(f"{identifier}_{kind}")
            assert job.tags["dlf/project"] == name
    # What the launchpad opens with.
    config = definitions.resolve_job_def("drones_relabel").partitioned_config.get_run_config_for_partition_key("x")
    assert config["ops"]["verified_boxes"]["config"] == {"sample": 0.02}


def test_a_broken_yaml_is_an_asset_that_says_so_and_the_others_load(workspace: TestWorkspace) -> None:
    workspace.write_project("good", {"x": "y"}, schedule='"0 3 * * *"')
    broken = workspace.root / "project_configs" / "bröken.yaml"
    broken.write_text("project_name: bröken\ntarget_object: [")
    graph = build().resolve_asset_graph()
    key = dg.AssetKey(["broken_projects", "bruf6ken_yaml"])
    assert key in graph.get_all_asset_keys()
    assert "bröken.yaml:" in (graph.get(key).description or "")
    assert [schedule.name for schedule in build().schedules or ()] == ["relabel_good"]
    assert not graph.get(key).is_executable


def test_what_changes_the_definitions_changes_the_fingerprint(workspace: TestWorkspace) -> None:
    def now() -> str:
        return fingerprint(*ProjectsResource().projects().load_all())

    workspace.write_project("p", {"x": "y"})
    seen = [now()]
    workspace.write_project("p", {"x": "y", "z": "y"})  # partition keys come by themselves
    assert now() == seen[0]
    for more in ({"schedule": '"0 3 * * *"'}, {"schedule": '"0 4 * * *"'}, {"relabel": "{sample: 0.5}"}):
        workspace.write_project("p", {"x": "y"}, **more)
        seen.append(now())
    (workspace.root / "project_configs" / "q.yaml").write_text("project_name: [")
    seen.append(now())
    assert len(set(seen)) == len(seen)


def test_where_code_cannot_be_loaded_anew_it_is_said(workspace: TestWorkspace) -> None:
    with dg.instance_for_test() as instance:
        assert "Reload definitions" in reload_where_possible(None, instance)


def test_many_broken_ones_are_apart(workspace: TestWorkspace) -> None:
    folder = workspace.root / "project_configs"
    for name in ("a-b.yaml", "c.yaml"):
        (folder / name).write_text("[")
    keys = [spec.key.path[-1] for spec in broken_assets(Projects(folder, None).load_all()[1])]
    assert keys == ["a_b_yaml", "c_yaml"]
    assert of_projects([]).jobs == []
