"""What comes to Xet's storage: chunks in "xorbs", and "shards" that say of which chunks a file consists.

A file is put together from them as soon as its shard has come. Layouts as `hf_xet` 1.8 writes them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

ENTRY = 48  # bytes of every entry of a shard
VERIFIED, DESCRIBED = 1 << 31, 1 << 30
END = b"\xff" * 32


@dataclass(frozen=True)
class Made:
    """A file as its shard tells it: its sha256, and the runs of chunks (xorb, first, behind the last)."""

    sha256: str
    runs: list[tuple[str, int, int]]


def name_of(digest: bytes) -> str:
    """A hash in hexadecimal; Xet writes it as four numbers of 64 bits."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", digest))


def files_in(shard: bytes) -> Iterator[Made]:
    """The files that a shard describes."""
    at = ENTRY  # its header
    while shard[at : at + 32] != END:
        flags, count = struct.unpack_from("<II", shard, at + 32)
        runs: list[tuple[str, int, int]] = []
        for number in range(1, count + 1):
            entry = at + number * ENTRY
            first, behind = struct.unpack_from("<II", shard, entry + 40)
            runs.append((name_of(shard[entry : entry + 32]), first, behind))
        at += (1 + count + bool(flags & VERIFIED) * count) * ENTRY
        if flags & DESCRIBED:
            yield Made(name_of(shard[at : at + 32]), runs)
            at += ENTRY


def chunks_in(xorb: bytes) -> list[bytes]:
    """The chunks of a xorb, in order."""
    chunks: list[bytes] = []
    at = 0
    while at + 8 <= len(xorb) and xorb[at] == 0:
        packed, scheme = int.from_bytes(xorb[at + 1 : at + 4], "little"), xorb[at + 4]
        size = int.from_bytes(xorb[at + 5 : at + 8], "little")
        chunks.append(_unpacked(xorb[at + 8 : at + 8 + packed], scheme, size))
        at += 8 + packed
    return chunks


def _unpacked(packed: bytes, scheme: int, size: int) -> bytes:
    if scheme == 0:
        return packed
    content = pa.decompress(packed, size, codec="lz4", asbytes=True)
    if scheme == 1:
        return content
    assert scheme == 2, scheme  # of every four bytes, first all the first ones, then all the second ones, and so on
    whole = bytearray(size)
    at = 0
    for offset in range(4):
        count = len(range(offset, size, 4))
        whole[offset::4] = content[at : at + count]
        at += count
    return bytes(whole)


def content_of(file: Made, xorbs: Mapping[str, list[bytes]]) -> bytes:
    """The file; ValueError when it has not the hash that its shard tells."""
    content = b"".join(b"".join(xorbs[xorb][first:behind]) for xorb, first, behind in file.runs)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError(f"a file of {len(content)} bytes is not {file.sha256}")
    return content
