from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core import prompts
from dlf_core.project import Project

CONFIGS = Path(__file__).parents[2] / "project_configs"

# A file as users of 0.1.0 have it, every key of it, with the new keys below.
EVERY_KEY = """\
project_name: stop-signs
target_object: stop sign
description: Stop signs in traffic
data_root: /data/stop-signs
r2:
  bucket: labels
  raw_prefix: raw2/
  labels_prefix: labels2/
  reviews_prefix: labels2/reviews.json
buckets:
  positive/clear_view:
    - stop sign at intersection
    - 747
  positive/partial_view:
    queries:
      - stop sign behind tree
    videos: ["https://video.example/1"]
    folders: [photos/stop]
    urls: ["https://images.example/1.jpg"]
  background/empty: []
falcon_queries:
  - stop sign
  - red octagonal sign
  - road sign
prompts:
  filter: "Is there a {target_object}? YES or NO."
  verify: "Is this a {query}, as on a {target_object}?"
  label_describe: "Where is the {target_object}?"
backends:
  filter: gemma
  label: gemma
  verify: pod
  manage: true
  fusion_iou: 0.7
servers:
  qwen: {max_in_flight: 32, request_seconds: 60, image_seconds: 90.5, max_pixels: 802816}
  falcon-mlx: {max_pixels: 500000}
prices:
  qwen: {currency: EUR, input_per_million: 0.2, output_per_million: 0.6, per_request: 0.001, per_hour: 2}
masks: true
pod:
  gpu_types: [NVIDIA L40S, NVIDIA RTX A6000]
  data_centers: [EU-RO-1]
  image: runpod/pytorch:2.4
  container_disk_gb: 40
  volume_gb: 0
schedule: "0 3 * * *"
sources: [wikimedia, folder]
classes:
  red octagonal sign: stop sign
thresholds:
  verify_score: 0.7
  nms_iou: 0.6
  crop_padding: 0.25
splits: {train: 3, val: 1, test: 0, seed: 9}
engine: ray
ground_truth: truth.json
"""


def test_every_key_of_the_original_and_every_new_key_loads(write):
    path = write(EVERY_KEY)
    project = Project.load(path)
    assert project.file == path.resolve()
    assert (project.project_name, project.target_object) == ("stop-signs", "stop sign")
    assert project.description == "Stop signs in traffic"
    assert project.r2.model_dump() == {
        "bucket": "labels",
        "raw_prefix": "raw2/",
        "labels_prefix": "labels2/",
        "reviews_prefix": "labels2/reviews.json",
        "cache_gb": 20.0,
    }
    partial = project.buckets["positive/partial_view"]
    assert project.buckets["positive/clear_view"].queries == ["stop sign at intersection", "747"]
    assert (partial.queries, partial.videos) == (["stop sign behind tree"], ["https://video.example/1"])
    assert (partial.folders, partial.urls) == (["photos/stop"], ["https://images.example/1.jpg"])
    assert project.buckets["background/empty"].queries == []
    assert project.backends.model_dump() == {
        "filter": "gemma",
        "label": ["gemma"],
        "verify": "pod",
        "manage": True,
        "fusion_iou": 0.7,
    }
    assert list(project.servers) == ["qwen", "falcon-mlx"]
    assert project.server("qwen").model_dump() == {
        "max_in_flight": 32,
        "request_seconds": 60,
        "image_seconds": 90.5,
        "max_pixels": 802_816,
    }
    price = project.price("qwen")
    assert price is not None
    assert price.model_dump() == {
        "currency": "EUR",
        "input_per_million": 0.2,
        "output_per_million": 0.6,
        "per_request": 0.001,
        "per_hour": 2,
    }
    assert project.masks is True
    assert project.pod.gpu_types == ["NVIDIA L40S", "NVIDIA RTX A6000"]
    assert (project.pod.data_centers, project.pod.image) == (["EU-RO-1"], "runpod/pytorch:2.4")
    assert (project.pod.container_disk_gb, project.pod.volume_gb) == (40, 0)
    assert project.schedule is not None
    assert (project.schedule.cron, project.schedule.timezone) == ("0 3 * * *", "UTC")
    assert project.sources == ["wikimedia", "folder"]
    assert (project.thresholds.verify_score, project.thresholds.nms_iou) == (0.7, 0.6)
    assert (project.thresholds.crop_padding, project.thresholds.filter_score) == (0.25, None)
    assert (project.splits.shares(), project.splits.seed) == ({"train": 0.75, "val": 0.25}, 9)
    assert (project.engine, project.ground_truth) == ("ray", "truth.json")


def test_the_four_required_keys_suffice_and_the_rest_has_the_documented_defaults(write, smallest):
    project = Project.load(write(smallest))
    assert project.r2.model_dump() == {
        "bucket": None,
        "raw_prefix": "raw/",
        "labels_prefix": "labels/",
        "reviews_prefix": "labels/reviews.json",
        "cache_gb": 20.0,
    }
    assert project.backends.model_dump() == {
        "filter": "qwen",
        "label": ["falcon"],
        "verify": "qwen",
        "manage": False,
        "fusion_iou": 0.55,
    }
    assert (project.servers, project.prices, project.masks) == ({}, {}, False)
    assert project.prompts.filter == prompts.DEFAULT_FILTER
    assert project.sources == ["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"]
    assert (project.schedule, project.engine, project.description) == (None, "local", "")
    assert project.splits.shares() == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1})


@pytest.mark.parametrize("backend", ["falcon", "falcon-mlx", "qwen", "gemma", "embedded", "pod"])
@pytest.mark.parametrize("form", ["{}", "[{}]"])
def test_label_takes_every_backend_of_existing_files_as_plain_text_or_as_a_list(write, smallest, backend, form):
    path = write(f"{smallest}backends: {{label: {form.format(backend)}}}\n")
    assert Project.load(path).backends.label == [backend]


def test_label_takes_several_backends_in_the_order_written(write, smallest):
    project = Project.load(write(smallest + "backends: {label: [qwen, embedded, falcon]}\n"))
    assert project.backends.label == ["qwen", "embedded", "falcon"]


@pytest.mark.parametrize("backend", ["qwen", "gemma", "embedded", "pod"])
def test_verify_takes_every_backend_of_existing_files(write, smallest, backend):
    assert Project.load(write(f"{smallest}backends: {{verify: {backend}}}\n")).backends.verify == backend


def test_queries_map_to_classes_and_class_ids_follow_first_use(write):
    project = Project.load(write(EVERY_KEY.replace("  - road sign\n", "  - road sign\n  - stop sign\n")))
    assert project.queries == ["stop sign", "red octagonal sign", "road sign"]
    assert project.class_map == {
        "stop sign": "stop sign",
        "red octagonal sign": "stop sign",
        "road sign": "road sign",
    }
    assert project.class_names == ["stop sign", "road sign"]


def test_prompts_are_filled_with_target_and_query(write):
    project = Project.load(write(EVERY_KEY))
    assert project.filter_prompt() == "Is there a stop sign? YES or NO."
    assert project.verify_prompt("road sign") == "Is this a road sign, as on a stop sign?"


def test_partition_keys_stand_in_yaml_order(write):
    assert list(Project.load(write(EVERY_KEY)).partition_keys().items()) == [
        ("positive/clear_view", "stop-signs__positive.clear_view"),
        ("positive/partial_view", "stop-signs__positive.partial_view"),
        ("background/empty", "stop-signs__background.empty"),
    ]


def test_data_root_defaults_to_the_home_folder(write, smallest, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Project.load(write(smallest)).root == tmp_path / "home/data-label-factory/signs"


def test_data_root_expands_the_tilde(write, smallest, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Project.load(write(smallest + "data_root: ~/signs-data\n")).root == tmp_path / "home/signs-data"


def test_a_relative_data_root_is_beside_the_yaml_wherever_the_caller_stands(write, smallest, monkeypatch, tmp_path):
    path = write(smallest + "data_root: data/signs\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Project.load(path).root == tmp_path.resolve() / "data/signs"


def test_an_absolute_data_root_is_taken_as_it_is(write, smallest):
    assert Project.load(write(smallest + "data_root: /data/x\n")).root == Path("/data/x")


@pytest.mark.parametrize("yaml_root", ["", "data_root: /data/x\n"])
def test_the_environment_moves_every_data_root_below_it(write, smallest, monkeypatch, tmp_path, yaml_root):
    monkeypatch.setenv("DLF_DATA_ROOT", str(tmp_path / "all"))
    assert Project.load(write(smallest + yaml_root)).root == tmp_path / "all/signs"


def test_an_empty_environment_variable_moves_nothing(write, smallest, monkeypatch):
    monkeypatch.setenv("DLF_DATA_ROOT", "")
    assert Project.load(write(smallest + "data_root: /data/x\n")).root == Path("/data/x")


def test_the_environments_root_expands_the_tilde(write, smallest, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DLF_DATA_ROOT", "~/all")
    assert Project.load(write(smallest)).root == tmp_path / "all/signs"


def test_drones_is_the_reference_project():
    project = Project.load(CONFIGS / "drones.yaml")
    assert list(project.buckets) == [
        "positive/fiber_spool_drone",
        "positive/spool_only",
        "negative/drones_no_spool",
        "distractor/round_things",
        "background/empty",
    ]
    assert project.queries == ["fiber optic spool", "cable spool", "drone", "quadcopter", "fiber optic drone"]


def test_stop_signs_is_the_reference_project():
    project = Project.load(CONFIGS / "stop-signs.yaml")
    assert list(project.buckets) == [
        "positive/clear_view",
        "positive/partial_view",
        "negative/other_signs",
        "distractor/red_signs",
        "background/no_signs",
    ]
    assert project.queries == ["stop sign", "traffic sign", "red octagonal sign", "road sign"]


def test_the_sample_needs_no_server_and_finds_its_photos_and_ground_truth():
    project = Project.load(CONFIGS / "sample.yaml")
    chosen = project.backends
    assert [chosen.filter, *chosen.label, chosen.verify] == ["embedded", "embedded", "embedded"]
    assert chosen.manage is False
    folders = [project.beside(folder) for bucket in project.buckets.values() for folder in bucket.folders]
    assert sum(len(list(folder.glob("*.jpg"))) for folder in folders) == 8
    assert project.beside(project.ground_truth or "").is_file()
