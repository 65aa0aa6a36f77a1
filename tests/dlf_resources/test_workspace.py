"""Workspace.find: DLF_HOME, else the nearest project_configs/, else the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_resources.workspace import Workspace


def test_dlf_home_names_the_folder_whatever_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLF_HOME", str(tmp_path / "not there yet"))
    workspace = Workspace.find()
    assert workspace.root == tmp_path / "not there yet"
    assert workspace.projects == workspace.root / "project_configs"
    assert workspace.experiments == workspace.root / "experiments"
    assert workspace.dagster_home == workspace.root / "dagster_home"


def test_a_relative_dlf_home_and_a_tilde_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLF_HOME", "here")
    assert Workspace.find().root == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DLF_HOME", "~/there")
    assert Workspace.find().root == tmp_path / "there"


def test_the_nearest_folder_above_with_projects_is_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project_configs").mkdir()
    (tmp_path / "near" / "project_configs").mkdir(parents=True)
    (tmp_path / "near" / "deep" / "deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "near" / "deep" / "deeper")
    assert Workspace.find().root == tmp_path / "near"


def test_elsewhere_it_is_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dlf_resources

    monkeypatch.chdir(tmp_path)
    assert Workspace.find().root == Path(dlf_resources.__file__).resolve().parent.parent


def test_dagster_home_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    assert Workspace(tmp_path).dagster_home == tmp_path / "dagster"
