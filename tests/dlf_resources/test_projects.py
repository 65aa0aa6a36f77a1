"""Projects of a folder: by path, stem, name and partition; a broken one stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core.errors import FactoryError, ProjectError
from dlf_resources.projects import Projects, store_of, tables_of

PROJECT = """
project_name: {name}
target_object: {target}
buckets:
  positive/near: [stop sign]
  negative/roads: {{folders: [photos]}}
falcon_queries: [stop sign]
"""


def add(folder: Path, file: str, name: str, target: str = "sign") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / file
    path.write_text(PROJECT.format(name=name, target=target))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project_configs"
    add(folder, "signs.yaml", "stop-signs")
    add(folder, "cats.yml", "cats", "cat")
    (folder / "notes.txt").write_text("no project")
    (folder / "sample").mkdir()
    return folder


def test_files_are_the_yamls_sorted_and_the_extra_one_last(folder: Path, tmp_path: Path) -> None:
    assert Projects(folder).files() == [folder / "cats.yml", folder / "signs.yaml"]
    extra = add(tmp_path, "a.yaml", "extra")
    assert Projects(folder, extra).files()[-1] == extra
    assert Projects(folder, folder / "signs.yaml").files() == Projects(folder).files()
    assert Projects(tmp_path / "nowhere").files() == []


def test_a_project_is_found_by_name_stem_and_path(folder: Path) -> None:
    projects = Projects(folder)
    for name in ("stop-signs", "signs", str(folder / "signs.yaml")):
        assert projects.find(name).project_name == "stop-signs"
    assert projects.find("cats").file == folder / "cats.yml"


def test_a_relative_path_is_relative_to_where_the_user_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert Projects(folder).find("project_configs/signs.yaml").file == folder / "signs.yaml"


def test_a_path_that_is_not_there_is_told_as_a_file(folder: Path) -> None:
    with pytest.raises(FactoryError, match=r"gone\.yaml: there is no such project file"):
        Projects(folder).find("gone.yaml")


def test_an_unknown_name_is_told_with_the_nearest_or_all(folder: Path) -> None:
    with pytest.raises(FactoryError, match=f"no project 'stop-sign' in {folder}; did you mean 'stop-signs'?"):
        Projects(folder).find("stop-sign")
    with pytest.raises(FactoryError, match=r"no project 'zzz' in .*; there is: cats, stop-signs\.$"):
        Projects(folder).find("zzz")


def test_a_partition_leads_to_project_and_bucket(folder: Path) -> None:
    project, bucket = Projects(folder).of_partition("stop-signs__positive.near")
    assert (project.project_name, bucket) == ("stop-signs", "positive/near")
    for key, bucket in ((key, bucket) for bucket, key in project.partition_keys().items()):
        assert Projects(folder).of_partition(key) == (project, bucket)


def test_a_partition_whose_bucket_is_gone_is_told_with_those_that_are_there(folder: Path) -> None:
    with pytest.raises(FactoryError) as caught:
        Projects(folder).of_partition("stop-signs__positive.far")
    assert str(caught.value) == (
        f"{folder / 'signs.yaml'}: has no bucket 'positive/far' (any more); it has: positive/near, negative/roads."
    )


def test_a_partition_of_an_unknown_project_is_told(folder: Path) -> None:
    with pytest.raises(FactoryError, match="no project 'dogs' in"):
        Projects(folder).of_partition("dogs__positive.near")


def test_a_text_that_is_no_partition_key_is_an_error_for_the_user(folder: Path) -> None:
    with pytest.raises((FactoryError, ValueError), match="'dogs' is not a partition key"):
        Projects(folder).of_partition("dogs")


def test_an_edited_yaml_counts_at_the_next_call(folder: Path) -> None:
    projects = Projects(folder)
    assert projects.find("cats").target_object == "cat"
    add(folder, "cats.yml", "cats", "kitten")
    assert projects.find("cats").target_object == "kitten"


def test_two_yamls_of_one_name_the_second_is_an_error_that_names_the_first(folder: Path) -> None:
    second = add(folder, "z.yaml", "cats", "other")
    projects, broken = Projects(folder).load_all()
    assert [project.project_name for project in projects] == ["cats", "stop-signs"]
    assert projects[0].target_object == "cat"
    assert [str(error) for error in broken] == [
        f"{second}: project_name 'cats' is taken by {folder / 'cats.yml'}; choose another."
    ]


@pytest.mark.parametrize("content", ["", "- a list", "project_name: [", "project_name: x\n", "\xff"])
def test_a_broken_yaml_does_not_take_the_others_down(folder: Path, content: str) -> None:
    (folder / "broken.yaml").write_bytes(content.encode("latin-1"))
    projects, broken = Projects(folder).load_all()
    assert [project.project_name for project in projects] == ["cats", "stop-signs"]
    assert [error.path for error in broken] == [folder / "broken.yaml"]
    assert Projects(folder).find("stop-signs").project_name == "stop-signs"
    assert Projects(folder).of_partition("cats__positive.near")[1] == "positive/near"
    with pytest.raises(ProjectError):
        Projects(folder).find("broken")


def test_a_broken_yaml_named_by_a_partition_says_what_is_wrong_with_it(folder: Path) -> None:
    (folder / "dogs.yaml").write_text("project_name: dogs\n")
    with pytest.raises(ProjectError, match=r"dogs\.yaml"):
        Projects(folder).of_partition("dogs__positive.near")


def test_the_file_a_command_was_given_wins_over_one_of_its_name(folder: Path, tmp_path: Path) -> None:
    extra = add(tmp_path, "mine.yaml", "cats", "lion")
    project, _ = Projects(folder, extra).of_partition("cats__positive.near")
    assert project.file == extra
    assert Projects(folder, extra).of_partition("stop-signs__positive.near")[0].target_object == "sign"


def test_a_broken_extra_file_does_not_take_the_folders_projects_down(folder: Path, tmp_path: Path) -> None:
    extra = tmp_path / "mine.yaml"
    extra.write_text("project_name: [")
    assert len(Projects(folder, extra).load_all()[0]) == 2
    assert Projects(folder, extra).of_partition("cats__positive.near")[0].project_name == "cats"


def test_data_lies_below_the_projects_root(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLF_DATA_ROOT", str(tmp_path / "moved"))
    project = Projects(folder).find("cats")
    assert store_of(project).path("raw/a") == tmp_path / "moved" / "cats" / "raw" / "a"
    assert tables_of(project).read("gather", "cats__positive.near") is None
