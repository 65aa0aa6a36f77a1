"""What a download costs at least: aiohttp and sha256, in one process. Writes nothing, or just the files.

python -m benchmarks.bare_download URL_LIST [--write DIR] [--in-flight 64]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import process_tree

IN_FLIGHT = 64


def measure(urls: Path, *, write: Path | None = None, in_flight: int = IN_FLIGHT) -> dict[str, Any]:
    """Run this program and read its figures, with those of its process."""
    command = [sys.executable, "-m", __name__, str(urls), "--in-flight", str(in_flight)]
    if write is not None:
        command += ["--write", str(write)]
    measured = process_tree.measure(command)
    figures: dict[str, Any] = json.loads(measured.output.splitlines()[-1])
    return figures | measured.as_dict()


async def download(urls: list[str], in_flight: int, folder: Path | None) -> tuple[int, int]:
    """Fetch all, by workers that take the next URL; the number of different contents, and bytes."""
    left: Iterator[str] = iter(urls)
    hashes: set[str] = set()
    size = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            nonlocal size
            for url in left:
                async with session.get(url) as reply:
                    reply.raise_for_status()
                    content = await reply.read()
                name = hashlib.sha256(content).hexdigest()
                hashes.add(name)
                size += len(content)
                if folder is not None:
                    # A file of this size lands in the page cache sooner than a thread would be asked to write it.
                    (folder / f"{name}.jpg").write_bytes(content)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
    return len(hashes), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", type=Path, help="a text file with a URL a line")
    parser.add_argument("--write", type=Path, help="the folder for the files")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    chosen = parser.parse_args()
    urls = chosen.urls.read_text().split()
    if chosen.write:
        chosen.write.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    images, size = asyncio.run(download(urls, chosen.in_flight, chosen.write))
    seconds = time.perf_counter() - began
    rate = round(images / seconds, 1)
    print(json.dumps({"images": images, "bytes": size, "seconds": round(seconds, 3), "images_per_second": rate}))


if __name__ == "__main__":
    main()
