"""Which addresses may be connected to: public ones, and networks that were named in `DLF_ALLOWED_NETWORKS`.

A search result may point anywhere: at this machine, at the router, at a cloud's metadata service. So an address is
taken apart here, before anything else reads it, and every IP it leads to is judged. What is refused is refused with
the state `forbidden_address`, and nothing is sent.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import idna

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import FactoryError, Unfetched

ALLOWED_NETWORKS = "DLF_ALLOWED_NETWORKS"
"""Networks that may be reached although they are not public, such as `10.2.0.0/16`; for intranets and for tests."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

_REMEMBERED_SECONDS = 60.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Signs that programs read differently: some drop them, some take a backslash for a slash.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
# Hosts that inet_aton and browsers read as IPv4 although they do not look so: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
_QUAD = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})\Z")
_THIS_MACHINE = ("localhost", "local", "internal", "localdomain", "home.arpa")
# Some IPv6 addresses carry an IPv4 address, which is where the packets go in the end (RFC 6052, 3056, 4380).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What older Pythons take for public; 192.0.0.192 is the metadata service of a cloud.
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be asked: its host in ASCII and lower case, and the IPs it may be connected at."""

    url: str
    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]


class AddressGuard:
    """Judges addresses. May be used by several threads.

    Args:
        allowed: networks that may be reached although they are not public; default: what the environment says.
        resolve: host and port → IPs; default: the system's resolver.
    """

    def __init__(self, allowed: Sequence[IPNetwork] | None = None, resolve: Resolve | None = None):
        self.allowed = tuple(allowed_networks() if allowed is None else allowed)
        self._resolve = resolve or _system_resolver
        self._known: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    def target(self, url: str) -> Target:
        """Take an address apart, resolve its host, and judge every IP. Blocks while the name is looked up.

        Raises:
            Unfetched: with state forbidden_address; or http_error where the name does not exist.
        """
        parts, host, port = taken_apart(url)
        return _target(parts, host, port, self._addresses(host, port, url))

    def known_target(self, url: str) -> Target | None:
        """The same where no name must be looked up for it, else None.

        Raises:
            Unfetched: as `target`.
        """
        parts, host, port = taken_apart(url)
        if _literal(host) is None and self._remembered(host, port) is None:
            return None
        return _target(parts, host, port, self._addresses(host, port, url))

    def may_connect(self, address: str) -> bool:
        """Whether an IP may be connected to. The last look, at the socket itself."""
        found = _literal(address)
        if found is None:
            return False
        return is_public(found) or any(_within(found, network) for network in self.allowed)

    def _addresses(self, host: str, port: int, url: str) -> tuple[str, ...]:
        literal = _literal(host)
        if literal is not None:
            addresses: tuple[str, ...] = (str(literal),)
        else:
            if _names_this_network(host) and not self.allowed:
                raise _forbidden(url, f"'{host}' names this machine or its network")
            addresses = self._looked_up(host, port)
        for address in addresses:
            if not self.may_connect(address):
                raise _forbidden(url, f"'{host}' leads to {address}, which is not a public address")
        return addresses

    def _looked_up(self, host: str, port: int) -> tuple[str, ...]:
        known = self._remembered(host, port)
        if known is not None:
            return known
        try:
            found = tuple(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            said = getattr(error, "strerror", None) or error
            raise Unfetched(CandidateState.HTTP_ERROR, f"the host '{host}' cannot be found: {said}") from None
        if not found:
            raise Unfetched(CandidateState.HTTP_ERROR, f"the host '{host}' has no address")
        with self._lock:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[host, port] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found

    def _remembered(self, host: str, port: int) -> tuple[str, ...] | None:
        with self._lock:
            known = self._known.get((host, port))
        return known[1] if known is not None and known[0] > time.monotonic() else None


def taken_apart(url: str) -> tuple[SplitResult, str, int]:
    """The parts of an http(s) address, its host in ASCII, and its port; nothing is looked up.

    Raises:
        Unfetched: with state forbidden_address, and what is wrong with it.
    """
    if _UNSAFE.search(url.strip(" ")):
        raise _forbidden(url, "it holds control characters or a backslash")
    try:
        parts = urlsplit(url.strip(" "))
        port = parts.port
        host = parts.hostname or ""
    except ValueError:  # its text would show a password
        raise _forbidden(url, "it is no address that can be taken apart") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _forbidden(url, f"only http and https are asked, not '{parts.scheme or 'an address without scheme'}'")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise _forbidden(url, "it holds a user name or password")
    if "%" in host:
        raise _forbidden(url, "its host holds a zone id or an escape")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in _DEFAULT_PORTS.values() and port < 1024:
        raise _forbidden(url, f"port {port} is not one that serves web pages")
    return parts, _ascii_host(host, url), port


@functools.lru_cache(maxsize=4096)
def is_public(address: IPAddress) -> bool:
    """Whether an IP is reachable from anywhere and belongs to one machine (IANA's special-purpose registries)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = [address.sixtofour, *(address.teredo or ())]
        if address not in _GLOBAL_UNICAST or not all(is_public(one) for one in inner if one is not None):
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def allowed_networks() -> list[IPNetwork]:
    """What `DLF_ALLOWED_NETWORKS` names.

    Raises:
        FactoryError: it names something that is no network.
    """
    found: list[IPNetwork] = []
    for text in os.environ.get(ALLOWED_NETWORKS, "").replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            said = f"{ALLOWED_NETWORKS}: {error}; write networks like '10.2.0.0/16', with commas between them."
            raise FactoryError(said) from None
    return found


def _target(parts: SplitResult, host: str, port: int, addresses: tuple[str, ...]) -> Target:
    netloc = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS[parts.scheme]:
        netloc = f"{netloc}:{port}"
    # Letters beyond ASCII are escaped; what is escaped already stays as it is.
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return Target(urlunsplit((parts.scheme, netloc, path, query, "")), parts.scheme, host, port, addresses)


def _ascii_host(host: str, url: str) -> str:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _forbidden(url, f"'{host}' is no IPv6 address") from None
    name = host.rstrip(".")
    if not name.isascii():
        try:
            # UTS 46 first: it turns full-width digits and circled letters into the plain ones they stand for.
            name = idna.encode(name, uts46=True).decode("ascii").rstrip(".")
        except (idna.IDNAError, UnicodeError) as error:
            raise _forbidden(url, f"its host is no valid name ({error})") from None
    name = name.lower()
    if not name or ".." in name or len(name) > 253 or not re.fullmatch(r"[a-z0-9._-]+", name):
        raise _forbidden(url, "it has no valid host")
    if _NUMBER.fullmatch(name.rsplit(".", 1)[-1]) and not (_QUAD.match(name) and _literal(name)):
        raise _forbidden(url, f"'{name}' writes an IP address in an unusual way")
    return name


@functools.lru_cache(maxsize=4096)
def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _names_this_network(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _THIS_MACHINE)


def _within(address: IPAddress, network: IPNetwork) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version == network.version and address in network


def _system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _forbidden(url: str, why: str) -> Unfetched:
    return Unfetched(CandidateState.FORBIDDEN_ADDRESS, why)
