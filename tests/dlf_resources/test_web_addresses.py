"""What may be asked: however an address of this machine or its network is written, nothing is sent to it."""

from __future__ import annotations

import ipaddress
import string
import sys
import time
from collections.abc import Iterator

import pycurl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from web_servers.listener import LOOPBACK, Listener, failed, guard_of, names

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import FactoryError, Unfetched
from dlf_resources.web import addresses
from dlf_resources.web.addresses import AddressGuard, is_public, taken_apart

FORBIDDEN = CandidateState.FORBIDDEN_ADDRESS
_events: list[str] = []


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo" or (event == "socket.__new__" and args[1] in (2, 10, 30)):
        _events.append(event)


sys.addaudithook(_audit)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as running:
        yield running


@pytest.fixture
def silence(listener: Listener) -> Iterator[Listener]:
    """Nobody is connected to, no internet socket is made, and no name is looked up by the system."""
    _events.clear()
    yield listener
    assert listener.connections == []
    assert _events == []


def test_the_listener_counts_and_the_audit_sees_what_is_allowed() -> None:
    for address in ("127.0.0.1", "[::1]"):
        with Listener() as own:
            _events.clear()
            end = failed(f"http://{address}:{own.port}/", guard=guard_of(LOOPBACK, "::1/128"), seconds=0.2)
            assert end.state == CandidateState.TIMEOUT
            assert _events == ["socket.__new__"]
            assert own.connections == [address.strip("[]")]


TRICKS = [
    # IPv4, as inet_aton and browsers read it
    *("http://127.0.0.1:{port}/", "http://127.0.0.1", "https://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}/"),
    *("http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0X7F000001:{port}/", "http://017700000001/"),
    *("http://0177.0.0.1:{port}/", "http://0x7f.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/"),
    *("http://0:{port}/", "http://0.0.0.0:{port}/", "http://127.0.0.01:{port}/", "http://0x7f.1:{port}/"),
    *("http://0000000127.0.0.1:{port}/", "http://127.0x0.0.1:{port}/", "http://4294967297:{port}/", "http://0x:{port}/"),
    *("http://127.0.0.1.:{port}/", "http://127.0.0.1..:{port}/", "http://2130706433.:{port}/", "http://127.255.1.2/"),
    *("http://256.256.256.256:{port}/", "http://1.2.3.4.5:{port}/", "http://.127.0.0.1:{port}/", "http://127..1/"),
    # IPv6
    *("http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]/"),
    *("http://[::FFFF:7f00:1]:{port}/", "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/"),
    *("http://[64:ff9b:1::7f00:1]:{port}/", "http://[2002:7f00:0001::]:{port}/", "http://[2002:a9fe:a9fe::1]:{port}/"),
    *("http://[2001:0:53aa:64c:0:0:80ff:fffe]:{port}/", "http://[fe80::1]:{port}/", "http://[fe80::1%25eth0]:{port}/"),
    *("http://[fe80::1%eth0]:{port}/", "http://[::1%25lo]:{port}/", "http://[::1%lo]:{port}/", "http://[fec0::1]/"),
    *("http://[fc00::1]:{port}/", "http://[fd12:3456::1]:{port}/", "http://[ff02::1]:{port}/", "http://[2001:db8::1]/"),
    *("http://[::1:{port}/", "http://::1:{port}/", "http://::1/", "http://[127.0.0.1]:{port}/", "http://[localhost]/"),
    *("http://[v1.localhost]:{port}/", "http://[::1].:{port}/", "http://[::1]x:{port}/", "http://[]:{port}/"),
    # names of this machine and its network
    *("http://localhost:{port}/", "http://LocalHost:{port}/", "http://localhost.:{port}/", "http://foo.localhost/"),
    *("http://foo.localhost.:{port}/", "http://printer.local:{port}/", "http://metadata.google.internal/"),
    *("http://a.internal.:{port}/", "http://localhost.localdomain:{port}/", "http://x.home.arpa:{port}/"),
    # letters that stand for others
    *("http://１２７.０.０.１:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://127。0。0。1:{port}/", "http://127．0．0．1/"),
    *("http://127｡0｡0｡1:{port}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "http://ｌｏｃａｌｈｏｓｔ:{port}/", "http://local\u00adhost:{port}/"),
    *("http://localhost。:{port}/", "http://foo。localhost:{port}/", "http://²¹³⁰⁷⁰⁶⁴³³:{port}/", "http://０ｘ７ｆ．１/"),
    *("http://𝟏𝟐𝟕.𝟎.𝟎.𝟏:{port}/", "http://loca\u200blhost:{port}/", "http://ℓocalhost:{port}/", "http://１６９．２５４．１６９．２５４/"),
    # parts that hide the host
    *("http://example.com@127.0.0.1:{port}/", "http://example.com:80@127.0.0.1:{port}/", "http://@127.0.0.1:{port}/"),
    *("http://93.184.216.34@localhost/", "http://user:pass@93.184.216.34:{port}/", "http://a@b@127.0.0.1:{port}/"),
    *("http://93.184.216.34\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\.example.com/", "http:\\\\127.0.0.1\\"),
    *("http://127.0\t.0.1:{port}/", "http://local\nhost:{port}/", "ht\ntp://127.0.0.1:{port}/", "\x00http://127.0.0.1/"),
    *("http://93.184.216.34\r\nHost: localhost/", "http://127.0.0.1\x00.example.com/", "http://localhost\u3000:{port}/"),
    *("http://127%2e0%2e0%2e1:{port}/", "http://%6cocalhost:{port}/", "http://127.0.0.1%00.example.com:{port}/"),
    *("http://localhost#@93.184.216.34/", "http://localhost?@93.184.216.34/", "http://a,localhost/", "http://a b/"),
    *("http:///127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:/127.0.0.1/", "//127.0.0.1:{port}/", "127.0.0.1"),
    *("http://", "http://:{port}/", "http://./", "http://../", "", " ", "/etc/passwd", "http://a..b/"),
    "http://" + "a" * 254,
    # schemes and ports
    *("file:///etc/passwd", "file://localhost/etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_GET"),
    *("data:image/png;base64,iVBORw0KGgo=", "javascript:alert(1)", "ws://127.0.0.1:{port}/", "wss://localhost/"),
    *("dict://127.0.0.1/", "ldap://localhost/", "http+unix://%2Frun%2Fx.sock/"),
    *("jar:http://127.0.0.1!/", "view-source:http://x", "http://[2606:2800:220:1::1%25eth0]:{port}/"),
    *("http://93.184.216.34:0/", "http://93.184.216.34:22/", "http://93.184.216.34:65536/", "http://93.184.216.34:-1/"),
    *("http://93.184.216.34:x/", "http://93.184.216.34:80:80/", "http://93.184.216.34:٨٠/", "http://93.184.216.34:+80/"),
    # networks that are not public
    *("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/"),
    *("http://100.64.0.1/", "http://100.127.255.255/", "http://192.0.0.1/", "http://192.0.0.8/", "http://192.0.0.171/"),
    *("http://198.18.0.1/", "http://198.19.255.255/", "http://224.0.0.1/", "http://239.255.255.250/", "http://240.0.0.1/"),
    *("http://255.255.255.255/", "http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://0.1.2.3/"),
    *("http://[fd00:ec2::254]/", "http://[100::1]/", "http://[3fff::1]/", "http://[2001:2::1]/", "http://[2001:10::1]/"),
    *("http://[64:ff9b::a9fe:a9fe]/", "http://[2002:c0a8:101::1]/", "http://[::ffff:0:127.0.0.1]/", "http://[5f00::1]/"),
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_every_way_to_write_a_forbidden_address_is_refused_and_nothing_is_sent(silence: Listener, trick: str) -> None:
    end = failed(trick.replace("{port}", str(silence.port)), guard=guard_of(), seconds=0.3)
    assert (end.state, end.status) == (FORBIDDEN, None)


@pytest.mark.parametrize("found", [
    *("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.1.2.3", "169.254.169.254", "fe80::1%eth0"),
    *("fe80::1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "no address"),
])  # fmt: skip
@pytest.mark.parametrize("others", [(), ("93.184.216.34",), ("93.184.216.34", "2606:2800:220:1::1")])
@pytest.mark.parametrize("first", [True, False])
def test_a_name_one_of_whose_addresses_is_forbidden_is_refused(
    silence: Listener, found: str, others: tuple[str, ...], first: bool
) -> None:
    answer = (found, *others) if first else (*others, found)
    guard = guard_of(resolve=names(evil_example=answer))
    end = failed(f"http://evil.example:{silence.port}/", guard=guard, seconds=0.3)
    assert end.state == FORBIDDEN
    assert found in end.reason


def test_a_name_that_turns_private_later_is_refused_then(silence: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_REMEMBERED_SECONDS", 0.2)
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    guard = guard_of(resolve=lambda host, port: next(answers))
    url = f"http://rebinding.example:{silence.port}/"
    # What was judged is what is connected to, however often it is asked; later it is asked, and judged, anew.
    assert {guard.target(url).addresses for _ in range(5)} == {("93.184.216.34",)}
    time.sleep(0.25)
    assert failed(url, guard=guard).state == FORBIDDEN


def test_a_name_that_does_not_exist_is_no_forbidden_address() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    for resolve in (unknown, lambda host, port: []):
        end = failed("http://gone.example/", guard=guard_of(resolve=resolve))
        assert (end.state, end.status) == (CandidateState.HTTP_ERROR, None)
        assert "gone.example" in end.reason
    end = failed(f"http://{'a' * 64}.example/", guard=guard_of())
    assert end.state == CandidateState.HTTP_ERROR


@pytest.mark.parametrize("url", [
    *("http://user:hunter2@93.184.216.34/", "http://user:hunter2@a℀b.example/", "http://user:hunter2@[::1/"),
    *("http://user:hunter2#x@93.184.216.34/", "https://hunter2@localhost/", "http://user:hunter2@h:port/"),
])  # fmt: skip
def test_a_password_in_an_address_is_not_in_the_reason(url: str) -> None:
    assert "hunter2" not in failed(url, guard=guard_of()).reason


@pytest.mark.parametrize(("url", "asked"), [
    ("http://93.184.216.34", "http://93.184.216.34/"),
    ("http://93.184.216.34:80/a", "http://93.184.216.34/a"),
    ("https://93.184.216.34:443", "https://93.184.216.34/"),
    ("http://93.184.216.34:8080/", "http://93.184.216.34:8080/"),
    ("http://93.184.216.34:/a", "http://93.184.216.34/a"),
    (" http://[2606:2800:220:1:248:1893:25C8:1946]:8080/ ", "http://[2606:2800:220:1:248:1893:25c8:1946]:8080/"),
    ("HTTPS://WWW.Example.COM/A.JPG", "https://www.example.com/A.JPG"),
    ("http://example.com./a", "http://example.com/a"),
    ("http://a_b.example.com/", "http://a_b.example.com/"),
    ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
    ("http://Faß.example/", "http://xn--fa-hia.example/"),
    ("http://例え.テスト/写真.jpg", "http://xn--r8jz45g.xn--zckzah/%E5%86%99%E7%9C%9F.jpg"),
    ("http://ｅｘａｍｐｌｅ．ｃｏｍ/", "http://example.com/"),
    ("http://example.com/a b|c[d]{e}.jpg?q=a b|c[d]", "http://example.com/a%20b%7Cc%5Bd%5D%7Be%7D.jpg?q=a%20b%7Cc[d]"),
    ("http://example.com/%41%c3%a4%2F%7C?x=%20%2B+", "http://example.com/%41%c3%a4%2F%7C?x=%20%2B+"),
    ("http://example.com/File:A_(b),_c's!$&*+;=@~-.jpg", "http://example.com/File:A_(b),_c's!$&*+;=@~-.jpg"),
    ("http://example.com/a?b=http://127.0.0.1/&c=é#part", "http://example.com/a?b=http://127.0.0.1/&c=%C3%A9"),
    ("http://example.com?a=1", "http://example.com/?a=1"),
    ("http://example.com/a#http://localhost", "http://example.com/a"),
    ("http://example.com//a//b", "http://example.com//a//b"),
    ("http://example.com/user@host:80/", "http://example.com/user@host:80/"),
    ("http://8.8.8.8.example.com/", "http://8.8.8.8.example.com/"),
    ("http://0x7f.example.com/", "http://0x7f.example.com/"),
    ("http://localhost.example.com/", "http://localhost.example.com/"),
    ("http://mylocalhost/", "http://mylocalhost/"),
])  # fmt: skip
def test_good_addresses_are_asked_as_they_are_but_for_what_http_cannot_carry(url: str, asked: str) -> None:
    target = guard_of(resolve=lambda host, port: ["93.184.216.34"]).target(url)
    assert target.url == asked
    assert target.url.isascii()
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, target.url)


def test_a_public_address_in_a_disguise_of_ipv6_is_judged_as_what_it_is() -> None:
    for text, public in [("::ffff:93.184.216.34", True), ("64:ff9b::5db8:d822", True), ("64:ff9b::a00:1", False)]:
        assert is_public(ipaddress.ip_address(text)) is public


def test_the_environment_names_networks_that_may_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(addresses.ALLOWED_NETWORKS, raising=False)
    with pytest.raises(Unfetched):
        AddressGuard().target("http://127.0.0.1/")
    monkeypatch.setenv(addresses.ALLOWED_NETWORKS, "10.2.0.0/16, ::1/128 127.0.0.0/8")
    guard = AddressGuard(resolve=names(nas_local=["10.2.0.9"], other_local=["10.3.0.9"]))
    for url in ("http://127.0.0.1/", "http://[::1]/", "http://10.2.3.4/", "http://nas.local/"):
        assert guard.target(url).addresses
    for url in ("http://10.3.0.1/", "http://192.168.1.1/", "http://169.254.169.254/", "http://other.local/"):
        with pytest.raises(Unfetched):
            guard.target(url)
    monkeypatch.setenv(addresses.ALLOWED_NETWORKS, "intranet")
    with pytest.raises(FactoryError, match=r"DLF_ALLOWED_NETWORKS.*intranet.*10.2.0.0/16"):
        AddressGuard()


SCHEMES = st.sampled_from(["http", "https", "HTTP", "ftp", "file", "", "http\t"])
SIGNS = string.printable + "①。．％ﬁ℀ßİ\u00ad\u200b\u200d\u202e\ud800\udfff\U0010ffff٠一"
PIECES = st.text(st.sampled_from(SIGNS), max_size=20) | st.text(max_size=20)
HOSTS = PIECES | st.sampled_from(["localhost", "127.0.0.1", "[::1]", "example.com", "xn--a", "a" * 70, "[", "[v1.a]"])
URLS = PIECES | st.builds("{}://{}{}/{}".format, SCHEMES, HOSTS, PIECES, PIECES)


@given(URLS)
@example("http://example.com/\ud800")
@example("http://\udc80.example/")
@example("http://a/?\udfff")
def test_whatever_is_written_ends_as_a_target_or_in_one_state_that_can_be_stored(url: str) -> None:
    guard = guard_of(resolve=lambda host, port: ["93.184.216.34"])
    refused = None
    try:
        _, host, port = taken_apart(url)
        target = guard.target(url)
    except Unfetched as error:
        refused = error
    if refused is not None:
        assert refused.state == FORBIDDEN
        refused.reason.encode()
    else:
        assert (target.host, target.port) == (host, port)
        assert target.scheme in ("http", "https")
        assert target.url.isascii()
        assert not set(target.url) & set(" \t\r\n\\\x00")
        assert guard.target(target.url).url == target.url  # what is sent is what was judged
        parsed = pycurl.Curl()
        parsed.setopt(pycurl.URL, target.url)


# By hand from IANA's special-purpose registries; not from Python's ipaddress, which differs from version to version.
NOT_PUBLIC = [ipaddress.ip_network(text) for text in (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24"),
    *("192.0.0.0/29", "192.0.0.8/32", "192.0.0.11/32", "192.0.0.12/30", "192.0.0.16/28", "192.0.0.32/27"),
    *("192.0.0.64/26", "192.0.0.128/25", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "::/96", "::ffff:7f00:0/104", "64:ff9b:1::/48", "100::/64"),
    *("64:ff9b::7f00:0/104", "64:ff9b::a00:0/104", "64:ff9b::a9fe:0/112", "64:ff9b::c0a8:0/112", "2001:2::/48"),
    *("2001::/40", "2001:10::/28", "2001:db8::/32", "2002:7f00::/24", "2002:a00::/24", "2002:c0a8::/32", "3fff::/20"),
    *("2002:a9fe::/32", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)]  # fmt: skip
# These may be judged either way: anycast and relays of protocols, which serve no pictures.
UNDECIDED = [ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16")]
EDGES = [edge for network in NOT_PUBLIC for edge in (int(network[0]) - 1, int(network[0]), int(network[-1]) + 1)]


@given(st.ip_addresses(v=4) | st.one_of([st.ip_addresses(network=network) for network in NOT_PUBLIC])
       | st.ip_addresses(v=6) | st.ip_addresses(network="2000::/3")
       | st.sampled_from([edge for edge in EDGES if 0 <= edge < 1 << 32]).map(ipaddress.IPv4Address))  # fmt: skip
@example(ipaddress.ip_address("192.0.0.8"))
@example(ipaddress.ip_address("3fff::1"))
def test_what_is_public_agrees_with_the_registries(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if any(address in network for network in NOT_PUBLIC):
        assert not is_public(address)
    elif (address.version == 4 and not any(address in network for network in UNDECIDED)) or (
        address in ipaddress.ip_network("2000::/3") and not any(address in network for network in UNDECIDED)
    ):
        assert is_public(address)
    assert guard_of().may_connect(str(address)) is is_public(address)
