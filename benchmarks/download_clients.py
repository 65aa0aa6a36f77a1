"""Which client downloads with the least: images a second and CPU of one process, 64 requests in flight, and SHA-256.

`transfers` is this project's own use of libcurl (dlf_resources/web/transfers.py): every socket is judged.

python -m benchmarks.download_clients [--count 5000] [--repeats 3] [--out FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import ipaddress
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks import image_server

IN_FLIGHT = 64
Get = Callable[[str], Awaitable[bytes]]


async def with_aiohttp(urls: list[str]) -> int:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def get(url: str) -> bytes:
            async with session.get(url) as reply:
                return await reply.read()

        return await _all(urls, [get])


async def with_httpx(urls: list[str], clients: int) -> int:
    import httpx

    each = IN_FLIGHT // clients
    limits = httpx.Limits(max_connections=each, max_keepalive_connections=each)
    opened = [httpx.AsyncClient(limits=limits, timeout=60) for _ in range(clients)]

    def getter(client: httpx.AsyncClient) -> Get:
        async def get(url: str) -> bytes:
            return (await client.get(url)).content

        return get

    try:
        return await _all(urls, [getter(client) for client in opened])
    finally:
        for client in opened:
            await client.aclose()


async def with_transfers(urls: list[str]) -> int:
    from dlf_resources.web.addresses import AddressGuard
    from dlf_resources.web.transfers import Request, Transfers

    guard = AddressGuard(allowed=[ipaddress.ip_network("127.0.0.0/8")])
    transfers = Transfers(guard.may_connect, "benchmark")

    async def get(url: str) -> bytes:
        target = guard.known_target(url)
        assert target is not None
        return (await transfers.perform(Request(target, 10_000_000, 30.0))).body

    try:
        return await _all(urls, [get])
    finally:
        transfers.close()


async def _all(urls: list[str], getters: list[Get]) -> int:
    left = iter(urls)
    seen: set[str] = set()

    async def worker(get: Get) -> None:
        for url in left:
            seen.add(hashlib.sha256(await get(url)).hexdigest())

    await asyncio.gather(*(worker(getters[number % len(getters)]) for number in range(IN_FLIGHT)))
    return len(seen)


CLIENTS: dict[str, Callable[[list[str]], Awaitable[int]]] = {
    "transfers (libcurl)": with_transfers,
    "aiohttp": with_aiohttp,
    "httpx, 8 clients": lambda urls: with_httpx(urls, 8),
    "httpx, 1 client": lambda urls: with_httpx(urls, 1),
}


def measure(count: int, repeats: int) -> dict[str, Any]:
    """Each client in processes of its own, by turns; medians."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    with image_server.url_list(count) as urls:
        for _ in range(repeats):
            for name, found in runs.items():
                command = [sys.executable, "-m", "benchmarks.download_clients", "--only", name, "--urls", str(urls)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found.append(json.loads(done.stdout.splitlines()[-1]))
    rows = [
        {"client": name} | {key: round(statistics.median(run[key] for run in found), 3) for key in found[0]}
        for name, found in runs.items()
    ]
    return {"benchmark": "download_clients", "images": count, "in_flight": IN_FLIGHT, "rows": rows}


def _one(name: str, urls: list[str]) -> dict[str, float]:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    images = asyncio.run(CLIENTS[name](urls))  # type: ignore[arg-type]
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"images_per_second": images / seconds, "cpu_ms_an_image": cpu / images * 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--only", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--urls", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(_one(chosen.only, chosen.urls.read_text().split())))
        return
    figures = measure(chosen.count, chosen.repeats)
    for row in figures["rows"]:
        print(json.dumps(row))
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
