"""Where the model servers are, by environment variables; keys and passwords are never shown."""

from __future__ import annotations

import pytest
from model_servers.asking import KEY, assert_fit, prepare

from dlf_core.errors import BackendUnavailable
from dlf_resources.servers import addresses
from dlf_resources.servers.addresses import Address, falcon_addresses, gemma_addresses, qwen_address, qwen_addresses


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


def test_the_addresses_without_any_variable() -> None:
    assert qwen_address().url == "http://localhost:8291"
    assert gemma_addresses()[0].url == falcon_addresses()[0].url == "http://localhost:8500"
    assert qwen_address().key is None
    assert addresses.qwen_model() is None
    assert addresses.falcon_model() == "tiiuae/Falcon-Perception"


def test_variables_move_them_and_empty_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QWEN_URL", "QWEN_API_KEY", "QWEN_MODEL_PATH", "GEMMA_URL", "FALCON_URL", "FALCON_MODEL_PATH"):
        monkeypatch.setenv(name, "")
    test_the_addresses_without_any_variable()
    monkeypatch.setenv("QWEN_URL", "https://example.org/openai")
    monkeypatch.setenv("QWEN_API_KEY", KEY)
    monkeypatch.setenv("QWEN_MODEL_PATH", "Qwen/Qwen3-VL-8B-Instruct")
    monkeypatch.setenv("GEMMA_URL", "http://10.0.0.7:8500")
    monkeypatch.setenv("FALCON_MODEL_PATH", "models/falcon")
    assert (qwen_address().url, qwen_address().key) == ("https://example.org/openai", KEY)
    assert addresses.qwen_model() == "Qwen/Qwen3-VL-8B-Instruct"
    assert addresses.falcon_model() == "models/falcon"
    assert gemma_addresses()[0].url == "http://10.0.0.7:8500"


def test_falcon_is_where_gemma_is_unless_told_otherwise_and_names_the_variable_that_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMMA_URL", "http://127.0.0.1:1")
    assert (falcon_addresses()[0].url, falcon_addresses()[0].variable) == ("http://127.0.0.1:1", "GEMMA_URL")
    monkeypatch.setenv("FALCON_URL", "http://127.0.0.1:2")
    assert (falcon_addresses()[0].url, falcon_addresses()[0].variable) == ("http://127.0.0.1:2", "FALCON_URL")
    assert gemma_addresses()[0].url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("http://127.0.0.1:8291/v1", "http://127.0.0.1:8291"),
        ("http://127.0.0.1:8291/v1/", "http://127.0.0.1:8291"),
        ("http://127.0.0.1:8291/", "http://127.0.0.1:8291"),
        ("  http://127.0.0.1:8291\n", "http://127.0.0.1:8291"),
        ("https://example.org/openai/v1", "https://example.org/openai"),
        ("https://example.org/rev1", "https://example.org/rev1"),
        ("HTTP://LOCALHOST:8291", "HTTP://LOCALHOST:8291"),
        ("http://[::1]:8291", "http://[::1]:8291"),
    ],
)
def test_a_slash_blanks_and_v1_at_the_end_are_left_out(monkeypatch: pytest.MonkeyPatch, told: str, url: str) -> None:
    monkeypatch.setenv("QWEN_URL", told)
    assert qwen_address().url == url


@pytest.mark.parametrize(
    "told",
    [
        *("localhost:8291", "127.0.0.1", "ftp://localhost", "file:///etc/passwd", "http://", "http://:8291", "   "),
        *("http://localhost:99999", "http://localhost:0", "http://localhost:port", "http://[::1", "unix:///run/x"),
        "http://local host:8291",
    ],
)
@pytest.mark.parametrize("variable", ["QWEN_URL", "GEMMA_URL", "FALCON_URL"])
def test_what_is_no_address_is_a_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, told: str
) -> None:
    monkeypatch.setenv(variable, told)
    asked = {"QWEN_URL": qwen_addresses, "GEMMA_URL": gemma_addresses, "FALCON_URL": falcon_addresses}[variable]
    with pytest.raises(BackendUnavailable, match=rf"^{variable} is no address of a server; write it like http://"):
        asked()


@pytest.mark.parametrize("told", ["https://me:{}@example.org/v1", "https://{}@example.org", "https://:{}@example.org"])
@pytest.mark.parametrize("variable", ["QWEN_URL", "GEMMA_URL", "FALCON_URL"])
def test_a_password_in_an_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, told: str
) -> None:
    monkeypatch.setenv(variable, told.format(KEY))
    asked = {"QWEN_URL": qwen_addresses, "GEMMA_URL": gemma_addresses, "FALCON_URL": falcon_addresses}[variable]
    with pytest.raises(BackendUnavailable, match=rf"^{variable} holds a user name or password") as caught:
        asked()
    assert ("QWEN_API_KEY" in str(caught.value)) == (variable == "QWEN_URL")
    assert_fit([caught.value])


@pytest.mark.parametrize("told", ["https://example.org/?api_key={}", "https://example.org/v1#{}"])
def test_a_key_in_the_query_of_an_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("QWEN_URL", told.format(KEY))
    with pytest.raises(BackendUnavailable) as caught:
        qwen_address()
    assert_fit([caught.value])


def test_the_key_is_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_API_KEY", KEY)
    address = qwen_address()
    assert address.key == KEY
    assert KEY not in f"{address} {address!r} {[address]}"


@pytest.mark.parametrize("name", ["GEMMA_URL", "FALCON_URL"])
def test_the_key_belongs_to_qwen_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("QWEN_API_KEY", KEY)
    monkeypatch.setenv(name, "https://example.org")
    assert gemma_addresses()[0].key is falcon_addresses()[0].key is None


@pytest.mark.parametrize(
    ("url", "local", "port"),
    [
        ("http://localhost:8291", True, 8291),
        ("http://127.0.0.1", True, 80),
        ("http://127.8.9.1:1", True, 1),
        ("http://[::1]:8500", True, 8500),
        ("http://box.localhost:1", True, 1),
        ("https://example.org", False, 443),
        ("http://192.168.1.4:8291", False, 8291),
        ("http://localhost.example.org", False, 80),
    ],
)
def test_which_addresses_are_on_this_machine_and_their_ports(url: str, local: bool, port: int) -> None:
    address = Address("qwen", url, "QWEN_URL", "start it")
    assert (address.local, address.port) == (local, port)


def test_a_variable_may_list_servers_each_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_URL", "http://a:1/v1, http://b:2/,http://a:1,")
    monkeypatch.setenv("FALCON_URL", "http://a:8500/api/falcon,http://b:8500")
    assert [one.url for one in qwen_addresses()] == ["http://a:1", "http://b:2"]
    assert [one.url for one in falcon_addresses()] == ["http://a:8500", "http://b:8500"]
    with pytest.raises(BackendUnavailable, match="lists several servers"):
        qwen_address()
    monkeypatch.setenv("QWEN_URL", "http://a:1,nonsense")
    with pytest.raises(BackendUnavailable, match="QWEN_URL is no address"):
        qwen_addresses()
