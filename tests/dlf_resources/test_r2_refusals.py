"""What does not pass: one sentence that names the bucket's host and the way out, and no secret."""

from __future__ import annotations

import os
import random
import socket
import ssl
import sys
from collections.abc import Callable, Iterator

import pytest
from object_store.corner import Corner, image_key
from object_store.fault_proxy import FaultProxy
from object_store.faults import (
    clock_skewed,
    cut_download,
    cut_upload,
    flip_download,
    hang_up,
    internal_error,
    refuse,
    slow_down,
    stall,
)
from web_servers.tls import authority

from dlf_core.errors import StoreError
from dlf_resources.stores import s3_objects
from dlf_resources.stores.r2 import R2Store

pytest_plugins = ["object_store.fixtures"]
pytestmark = pytest.mark.usefixtures("impatient")

CONTENT = random.Random(2).randbytes(20_000)
IMAGE = image_key(CONTENT)
TABLE = "labels/filter/tiny__positive.x.parquet"
CALLS: dict[str, Callable[[R2Store], object]] = {
    "put": lambda store: store.put(TABLE, CONTENT),
    "put_if": lambda store: store.put_if("labels/decisions.json", CONTENT, None),
    "get": lambda store: store.get(TABLE),
    "image": lambda store: store.get(IMAGE),
    "path": lambda store: store.path(TABLE),
    "path of an image": lambda store: store.path(IMAGE),
    "size": lambda store: store.size(TABLE),
    "list": lambda store: list(store.list("raw")),
    "delete": lambda store: store.delete(TABLE),
    "damage": lambda store: store.damage(IMAGE),
    "lock": lambda store: store.lock("x", wait_seconds=0, purpose="x").__enter__(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture(autouse=True)
def fewer_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_objects, "OUTER_TRIES", 2)


def sentence(store: R2Store, call: Callable[[R2Store], object]) -> str:
    with pytest.raises(StoreError) as caught:
        call(store)
    said = str(caught.value)
    assert store.objects.settings.secret_key not in said
    assert "\n" not in said
    assert said.endswith(".")
    assert len(said) < 400
    return said


@pytest.fixture
def there(corner: Corner) -> None:
    """What the calls ask for."""
    store = corner.store()
    for key in (IMAGE, TABLE):
        store.put(key, CONTENT)


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@every_call
def test_nobody_there(corner: Corner, nobody: str, call: Callable[[R2Store], object]) -> None:
    said = sentence(corner.store(f"http://{nobody}"), call)
    assert nobody in said
    assert "nobody answers there; is R2_ENDPOINT_URL right, and is there a network" in said


@every_call
@pytest.mark.parametrize("wrong", [{"secret_key": "not-the-secret"}, {"access_key": "nobody"}])
def test_keys_that_the_store_does_not_know(
    corner: Corner, wrong: dict[str, str], call: Callable[[R2Store], object]
) -> None:
    said = sentence(corner.store(**wrong), call)
    assert "R2_ACCESS_KEY_ID" in said
    assert "R2_SECRET_ACCESS_KEY" in said
    assert corner.server.endpoint_url.removeprefix("http://") in said
    assert corner.objects() == {}


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("path", "size")])
def test_a_bucket_that_does_not_exist(corner: Corner, name: str) -> None:
    said = sentence(corner.store(bucket="nobodys"), CALLS[name])
    assert said.startswith("there is no bucket 'nobodys' at 127.0.0.1:")
    assert said.endswith("; create it, or name another by R2_BUCKET or r2.bucket.")


def test_a_bucket_whose_name_no_bucket_can_have(corner: Corner) -> None:
    assert "My Bucket" in sentence(corner.store(bucket="My Bucket"), CALLS["put"])


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("path", "size")])
def test_a_clock_that_is_wrong(corner: Corner, proxy: FaultProxy, name: str) -> None:
    proxy.on("*", "", clock_skewed(), None)
    said = sentence(corner.store(proxy.url), CALLS[name])
    assert said.endswith("refuses requests because this machine's clock is wrong; set it right.")
    assert len(proxy.requests) <= 2, "asking again does not set a clock right"


@pytest.mark.usefixtures("there")
@every_call
def test_keys_without_the_right_to(corner: Corner, proxy: FaultProxy, call: Callable[[R2Store], object]) -> None:
    proxy.on("*", "", refuse(403, "AccessDenied", "Access Denied."), None)
    said = sentence(corner.store(proxy.url), call)
    assert said.startswith("cannot ")
    assert "R2_ACCESS_KEY_ID" in said
    assert len(proxy.requests) <= 2


LATER = ("put_if", "get", "image", "path of an image", "list", "delete", "damage", "lock")
LASTING = {
    "503": (slow_down(), "SlowDown Please reduce your request rate; run it again."),
    "500": (internal_error(), "InternalError We encountered an internal error. Please try again; run it again."),
    "cut": (hang_up(), "what was done is kept, run it again."),
    "400": (refuse(400, "InvalidRequest", "It is not\nvalid."), "InvalidRequest It is not valid; run it again."),
    "507": (refuse(507, "QuotaExceeded", "x" * 1000), "x; run it again."),
}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("name", "kind"), [("put", kind) for kind in LASTING] + [(name, "503") for name in LATER])
def test_a_fault_that_lasts_ends_in_a_sentence(corner: Corner, proxy: FaultProxy, name: str, kind: str) -> None:
    fault, ending = LASTING[kind]
    before = corner.objects()
    proxy.on("*", "", fault, None)
    assert sentence(corner.store(proxy.url), CALLS[name]).endswith(ending)
    assert corner.objects() == before
    assert len(proxy.requests) < 20


def test_an_upload_that_never_gets_through_leaves_the_old_bytes(corner: Corner, proxy: FaultProxy) -> None:
    store = corner.store(proxy.url)
    store.put(TABLE, b"old")
    proxy.on("PUT", TABLE, cut_upload(), None)
    assert "what was done is kept, run it again." in sentence(store, CALLS["put"])
    assert corner.read(TABLE) == b"old"


def test_a_download_that_never_gets_through_leaves_nothing_on_disk(corner: Corner, proxy: FaultProxy) -> None:
    store = corner.store(proxy.url, root=corner.folder / "here")
    corner.store().put(IMAGE, CONTENT)
    proxy.on("GET", IMAGE, cut_download(), None)
    sentence(store, CALLS["image"])
    assert [file for file in (corner.folder / "here").rglob("*") if file.is_file()] == []


def test_a_store_that_does_not_answer(corner: Corner, proxy: FaultProxy, reads_within: Callable[[float], None]) -> None:
    reads_within(0.02)
    proxy.on("*", "", stall(0.3), None)
    said = sentence(corner.store(proxy.url), CALLS["get"])
    assert said.endswith("it does not answer in time; what was done is kept, run it again.")


@pytest.fixture
def behind_tls(corner: Corner) -> Iterator[FaultProxy]:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(made)
    with FaultProxy(corner.server.endpoint_url, tls=made) as running:
        yield running


def test_a_certificate_that_nobody_trusts(corner: Corner, behind_tls: FaultProxy) -> None:
    assert "its certificate is not to be trusted" in sentence(corner.store(behind_tls.url), CALLS["size"])


# bytes that are not those that were written


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", ["get", "image", "path", "path of an image"])
def test_bytes_that_come_otherwise_each_time_are_given_to_nobody(corner: Corner, proxy: FaultProxy, name: str) -> None:
    proxy.on("GET", "", flip_download(), None)
    store = corner.store(proxy.url, root=corner.folder / "here")
    said = sentence(store, CALLS[name])
    assert "is not what was written there; run `dlf store verify`" in said
    assert [file for file in (corner.folder / "here").rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("name", ["image", "path of an image"])
def test_an_image_under_the_name_of_another_is_given_to_nobody(corner: Corner, name: str) -> None:
    corner.write(IMAGE, b"another picture")  # without metadata that would tell
    store = corner.store(root=corner.folder / "here")
    said = sentence(store, CALLS[name])
    assert said.endswith("its bytes are not those of its name; delete it and gather its bucket again.")
    assert [file for file in (corner.folder / "here").rglob("*") if file.is_file()] == []


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("spoil", [b"", CONTENT[:100], bytes(len(CONTENT))], ids=["empty", "cut", "zeros"])
def test_a_copy_on_disk_that_has_suffered_is_fetched_again(corner: Corner, spoil: bytes) -> None:
    store = corner.store()
    store.path(IMAGE).write_bytes(spoil)  # power was lost before the disk had it
    assert store.path(IMAGE).read_bytes() == CONTENT
    store.path(IMAGE).write_bytes(spoil)
    assert store.get(IMAGE) == CONTENT


# this machine


def test_a_disk_that_takes_no_copy_is_one_sentence(corner: Corner) -> None:
    root = corner.folder / "here"
    root.mkdir()
    (root / ".cache").write_bytes(b"a file where a folder should be")
    store = corner.store(root=root)
    corner.store().put(IMAGE, CONTENT)
    corner.store().put(TABLE, CONTENT)
    for name in ("image", "path", "path of an image"):
        assert str(root / ".cache") in sentence(store, CALLS[name])
    with pytest.raises(StoreError):
        store.download(TABLE, root / ".cache" / "x")


def test_a_placed_file_that_has_gone_is_one_sentence(corner: Corner) -> None:
    assert IMAGE in sentence(corner.store(), lambda store: store.placed(IMAGE))


def test_without_boto3_the_way_out_is_to_install_it(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(StoreError) as caught:
        corner.store("http://without.boto3.example")
    assert str(caught.value) == "R2 needs boto3; run `pip install 'data-label-factory[r2]'`."


def test_the_users_own_settings_of_aws_do_not_matter(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_objects._client.cache_clear()
    told = {"AWS_PROFILE": "gone", "AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_REGION": "mars"}
    told |= {"AWS_CONFIG_FILE": os.devnull, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_SESSION_TOKEN": "wrong"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    store = corner.store()
    store.put(TABLE, CONTENT)
    assert store.get(TABLE) == CONTENT
    s3_objects._client.cache_clear()
