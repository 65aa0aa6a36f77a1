"""What clients without a factory reach on the same server: the bare loops the stages are measured against.

python -m benchmarks.bare_clients aiohttp|httpx|httpx-split|original --url URL --count 2000 --in-flight 32
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import subprocess
import sys
import time
from typing import Any

from PIL import Image

from benchmarks.bucket import DISTINCT, photo
from benchmarks.latency_server import MODEL

PATH = "/v1/chat/completions"
SPLIT = 8


def measure(client: str, *options: str) -> dict[str, Any]:
    """Run this program and read its figures."""
    command = [sys.executable, "-m", __name__, client, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _body(media_type: str, content: bytes) -> bytes:
    url = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Is it? YES or NO."}]
    request = {"model": MODEL, "messages": [{"role": "user", "content": parts}], "max_tokens": 1}
    return json.dumps(request).encode()


async def with_aiohttp(url: str, photos: list[bytes], count: int, in_flight: int) -> None:
    """The fastest loop there is: workers that send the file as it lies there."""
    import aiohttp

    numbers = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            for number in numbers:
                body = _body("image/jpeg", photos[number % DISTINCT])
                async with session.post(url + PATH, data=body) as reply:
                    json.loads(await reply.read())

        await asyncio.gather(*(worker() for _ in range(in_flight)))


async def with_httpx(url: str, photos: list[bytes], count: int, in_flight: int, clients: int) -> None:
    """The same loop over one `httpx.AsyncClient`, or several."""
    import httpx

    numbers = iter(range(count))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    pool = [httpx.AsyncClient(limits=limits, timeout=60) for _ in range(clients)]

    async def worker(client: httpx.AsyncClient) -> None:
        for number in numbers:
            body = _body("image/jpeg", photos[number % DISTINCT])
            reply = await client.post(url + PATH, content=body)
            reply.json()

    await asyncio.gather(*(worker(pool[place % clients]) for place in range(in_flight)))
    for client in pool:
        await client.aclose()


def as_the_original(url: str, photos: list[bytes], count: int) -> None:
    """One image at a time, as a PNG of at most 1,024 pixels, over a new connection."""
    import httpx

    for number in range(count):
        image = Image.open(io.BytesIO(photos[number % DISTINCT])).convert("RGB")
        image.thumbnail((1024, 1024))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        httpx.post(url + PATH, content=_body("image/png", buffer.getvalue()), timeout=60).json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=["aiohttp", "httpx", "httpx-split", "original"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=32)
    chosen = parser.parse_args()
    photos = [photo(640, 480, seed) for seed in range(DISTINCT)]
    began, cpu = time.perf_counter(), time.process_time()
    if chosen.client == "original":
        as_the_original(chosen.url, photos, chosen.count)
    elif chosen.client == "aiohttp":
        asyncio.run(with_aiohttp(chosen.url, photos, chosen.count, chosen.in_flight))
    else:
        clients = SPLIT if chosen.client == "httpx-split" else 1
        asyncio.run(with_httpx(chosen.url, photos, chosen.count, chosen.in_flight, clients))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"requests": chosen.count, "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3)}))


if __name__ == "__main__":
    main()
