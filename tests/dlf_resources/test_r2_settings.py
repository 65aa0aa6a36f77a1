"""What the YAML and the environment say of a bucket: whole and understood, or one sentence with the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dlf_core.errors import ProjectError, StoreError
from dlf_core.project import Project
from dlf_resources.projects import store_of
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2 import Keys, R2Store
from dlf_resources.stores.r2_settings import R2Settings, r2_settings, wanted_store

SECRET = "s3cr3t-0f-th3-t3sts"
TOLD = {
    "R2_ENDPOINT_URL": "https://account.r2.cloudflarestorage.com",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": SECRET,
    "R2_BUCKET": "photos",
}
WAY_OUT = "or write 'store: local' in tiny.yaml."

Make = Callable[..., Project]


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in TOLD.items() if name not in names}


def refusal(project: Project, environment: Mapping[str, str]) -> str:
    with pytest.raises(StoreError) as caught:
        r2_settings(project, environment)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_the_environment_says_where_the_bucket_is(project: Project) -> None:
    settings = r2_settings(project, TOLD)
    assert settings == R2Settings(TOLD["R2_ENDPOINT_URL"], "key", SECRET, "photos")
    assert (settings.raw_prefix, settings.labels_prefix) == ("raw/", "labels/")
    assert settings.reviews_key == "labels/reviews.json"
    assert settings.cache_bytes == 20 * 2**30
    assert settings.host == "account.r2.cloudflarestorage.com"


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["R2_ENDPOINT_URL"], "R2_ENDPOINT_URL is not set; set it"),
        (["R2_ACCESS_KEY_ID"], "R2_ACCESS_KEY_ID is not set; set it"),
        (["R2_SECRET_ACCESS_KEY"], "R2_SECRET_ACCESS_KEY is not set; set it"),
        (["R2_BUCKET"], "R2_BUCKET (or r2.bucket in the YAML) is not set; set it"),
        (
            ["R2_SECRET_ACCESS_KEY", "R2_ENDPOINT_URL"],
            "R2_ENDPOINT_URL and R2_SECRET_ACCESS_KEY are not set; set them",
        ),
        (
            list(TOLD),
            "R2_ENDPOINT_URL, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and R2_BUCKET (or r2.bucket in the YAML) are not "
            "set; set them",
        ),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(project: Project, gone: list[str], said: str) -> None:
    wish = "project 'tiny' is to keep its data in R2, and "
    assert refusal(project, without(*gone)) == f"{wish}{said}, {WAY_OUT}"


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_variable_is_not_set(project: Project, name: str, blank: str) -> None:
    assert f"and {name}" in refusal(project, TOLD | {name: blank})


def test_whitespace_around_a_variable_and_the_endpoints_last_slash_do_not_count(project: Project) -> None:
    spaced = {name: f"  {value}\n" for name, value in TOLD.items()} | {"R2_ENDPOINT_URL": " https://r2.example// "}
    assert r2_settings(project, spaced) == r2_settings(project, TOLD | {"R2_ENDPOINT_URL": "https://r2.example"})


def test_the_yamls_bucket_stands_above_the_environments(make_project: Make) -> None:
    project = make_project(r2="{bucket: mine, cache_gb: 0.5}")
    assert r2_settings(project, TOLD).bucket == "mine"
    assert r2_settings(project, without("R2_BUCKET")).bucket == "mine"
    assert r2_settings(project, TOLD).cache_bytes == 2**29


# which store


@pytest.mark.parametrize(
    ("lines", "environment", "wanted"),
    [
        ({}, TOLD, "local"),
        ({"store": "local"}, TOLD, "local"),
        ({"store": "local", "r2": "{bucket: mine}"}, TOLD, "local"),
        ({"store": "r2"}, {}, "r2"),
        ({"r2": "{bucket: mine}"}, {}, "local"),
        ({"r2": "{bucket: mine}"}, {"R2_BUCKET": "photos"}, "local"),
        ({"r2": "{bucket: mine}"}, {"R2_ENDPOINT_URL": "https://r2.example"}, "r2"),
        ({"r2": "{bucket: mine}"}, {"R2_ACCESS_KEY_ID": "key"}, "r2"),
        ({"r2": "{bucket: mine}"}, {"R2_SECRET_ACCESS_KEY": SECRET}, "r2"),
        ({"r2": "{}"}, TOLD, "r2"),
        ({"r2": "{bucket: mine}"}, {"R2_ENDPOINT_URL": " "}, "local"),
        ({"store": "r2"}, {"DLF_STORE": "local"}, "local"),
        ({"store": "local"}, {"DLF_STORE": " r2 "}, "r2"),
        ({}, {"DLF_STORE": "r2"}, "r2"),
        ({"store": "r2"}, {"DLF_STORE": "  "}, "r2"),
    ],
)
def test_the_store_is_what_dlf_store_says_then_the_yaml_then_what_is_set(
    make_project: Make, lines: dict[str, str], environment: dict[str, str], wanted: str
) -> None:
    assert wanted_store(make_project(**lines), environment) == wanted


@pytest.mark.parametrize("said", ["s3", "R2", "local,r2"])
def test_a_store_that_does_not_exist_is_one_sentence(project: Project, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        wanted_store(project, {"DLF_STORE": said})
    assert str(caught.value) == f"DLF_STORE is '{said}'; set it to local or r2, or unset it."


def test_a_store_that_does_not_exist_is_found_in_the_yaml(make_project: Make) -> None:
    with pytest.raises(ProjectError, match=r"store: 's3' is not one of local, r2"):
        make_project(store="s3")


def test_the_project_gets_the_store_it_wants(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    assert isinstance(store_of(make_project()), LocalStore)
    found = store_of(make_project(store="r2"))
    assert isinstance(found, R2Store)
    assert found.objects.settings == r2_settings(make_project(), TOLD)
    monkeypatch.delenv("R2_ENDPOINT_URL")
    with pytest.raises(StoreError, match="and R2_ENDPOINT_URL is not set"):
        store_of(make_project(store="r2"))


# endpoints and prefixes


@pytest.mark.parametrize(
    "endpoint",
    [
        "account.r2.cloudflarestorage.com",
        "ftp://r2.example",
        "https://",
        "//r2.example",
        "https://me:password@r2.example",
        "https://<account>.r2.cloudflarestorage.com",
        "https://[::1",
        "https://r2.example:port",
        "https://r2 .example",
        "https://r2.example?x=y",
    ],
)
def test_an_endpoint_that_is_none_is_one_sentence(project: Project, endpoint: str) -> None:
    said = refusal(project, TOLD | {"R2_ENDPOINT_URL": endpoint})
    assert said.startswith("R2_ENDPOINT_URL is not an address such as https://<account>.r2.cloudflarestorage.com")
    assert "password" not in said


@pytest.mark.parametrize(
    "endpoint", ["https://account.r2.cloudflarestorage.com/photos", "https://r2.example/s3/photos/"]
)
def test_the_bucket_is_no_part_of_the_endpoint_although_cloudflare_shows_it_there(
    project: Project, endpoint: str
) -> None:
    said = refusal(project, TOLD | {"R2_ENDPOINT_URL": endpoint})
    assert said.startswith("R2_ENDPOINT_URL ends with the bucket")


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:9000", "https://[::1]:9000", "https://r2.example/", "https://r2.example/s3", "http://photos"],
)
def test_an_endpoint_may_be_any_s3(project: Project, endpoint: str) -> None:
    assert r2_settings(project, TOLD | {"R2_ENDPOINT_URL": endpoint}).endpoint == endpoint.rstrip("/")


@pytest.mark.parametrize("slashes", ["{}", "{}/", "/{}", "/{}/", "{}//"])
def test_prefixes_are_folders_with_and_without_slashes(make_project: Make, slashes: str) -> None:
    raw, labels = slashes.format("our/photos"), slashes.format("our/tables")
    lines = f"{{raw_prefix: {raw}, labels_prefix: {labels}, reviews_prefix: our/tables/reviews.json}}"
    keys = Keys(r2_settings(make_project(r2=lines), TOLD))
    for key, name in (
        ("raw/positive/x/a.jpg", "our/photos/positive/x/a.jpg"),
        ("labels/filter/tiny__x.parquet", "our/tables/filter/tiny__x.parquet"),
        ("labels/splits.json", "our/tables/splits.json"),
        ("our/tables/reviews.json", "our/tables/reviews.json"),
    ):
        assert keys.shared(key)
        assert keys.object_of(key) == name
        assert keys.key_of(name) == key


@pytest.mark.parametrize("name", ["our/photo", "our/photosynthesis/a.jpg", "our/tables/.project", "raw/a.jpg", "x"])
def test_what_lies_beside_the_prefixes_is_not_ours(make_project: Make, name: str) -> None:
    project = make_project(r2="{raw_prefix: our/photos, labels_prefix: our/tables}")
    assert Keys(r2_settings(project, TOLD)).key_of(name) is None


@pytest.mark.parametrize(
    ("raw", "labels"),
    [("our", "our"), ("our", "our/labels"), ("our/raw", "our"), ("/", "labels"), ("raw", "/")],
)
def test_images_and_tables_must_not_lie_within_one_another(make_project: Make, raw: str, labels: str) -> None:
    project = make_project(r2=f"{{raw_prefix: {raw}, labels_prefix: {labels}}}")
    said = refusal(project, TOLD)
    assert "r2.raw_prefix" in said
    assert "r2.labels_prefix" in said


def test_secrets_are_in_no_text(project: Project) -> None:
    settings = r2_settings(project, TOLD)
    store = R2Store(project.root, settings, "tiny")
    for thing in (settings, store, store.objects, store.keys, store.objects._client):
        assert SECRET not in repr(thing) + str(thing)
