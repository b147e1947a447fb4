"""The effect of attacks on other clients and on memory.

    python -m benchmarks.attacks --seconds 10 [NAME ...]

starts the service as its own process on this machine with two threads, runs the attacks of
`tests/attacks/` one after the other, each in its own process, and prints how long ``/healthz`` and
a small image of a signed-in user took meanwhile, compared with no attack. Memory is the highest sum
of the service's processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import skimage.data

from benchmarks.realtime import Target, own_service, percentile, watch_health
from tests.attacks.costly_images import ATTACKS as IMAGES
from tests.attacks.flood import ATTACKS as FLOODS
from tests.attacks.memory import PeakMemory
from tests.e2e.conftest import as_jpeg

_QUIET = "quiet"
_FLOODS = {attack.__name__: attack for attack in FLOODS}
_UPLOAD_EVERY_S = 0.2
_SENDERS = 4


async def attack(name: str, url: str, token: str, seconds: float) -> None:
    """Attack a service on this machine; ends by itself."""
    if name in _FLOODS:
        await _FLOODS[name](int(url.rpartition(":")[2]), seconds)
        return
    image, ends_at = IMAGES[name](), time.monotonic() + seconds

    async def send() -> None:
        while time.monotonic() < ends_at:
            await http.post("/api/detect", files={"file": ("image", image)})

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as http:
        await asyncio.gather(*(send() for _ in range(_SENDERS)))


@asynccontextmanager
async def _attacked(name: str, target: Target, seconds: float) -> AsyncIterator[None]:
    if name == _QUIET:
        yield
        return
    arguments = ["--attack", target.url, target.token, "--seconds", str(seconds), name]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.attacks", *arguments
    )
    try:
        yield
        await asyncio.wait_for(process.wait(), seconds + 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def measure(name: str, target: Target, seconds: float) -> str:
    """Attack a service and print one row of the table."""
    small = as_jpeg(skimage.data.astronaut())
    health: list[float] = []
    uploads: list[float] = []
    refused = 0
    headers = {"Authorization": f"Bearer {target.token}"}
    assert target.pid is not None
    async with (
        PeakMemory(target.pid) as memory,
        httpx.AsyncClient(base_url=target.url, headers=headers, timeout=120) as http,
        _attacked(name, target, seconds),
    ):
        asking = asyncio.create_task(watch_health(target.url, health))
        ends_at = time.perf_counter() + seconds
        while (started := time.perf_counter()) < ends_at:
            answer = await http.post("/api/detect", files={"file": ("photo.jpg", small)})
            uploads.append(time.perf_counter() - started)
            refused += answer.status_code != 200
            await asyncio.sleep(_UPLOAD_EVERY_S)
        asking.cancel()
    cells = [
        *(f"{1000 * value:.0f}" for value in (percentile(health, 99), max(health))),
        *(f"{1000 * value:.0f}" for value in (percentile(uploads, 50), max(uploads))),
        str(refused),
        f"{memory.peak_mb:.0f}",
    ]
    return f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |"


async def main() -> None:
    """Read the arguments, measure, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=[_QUIET, *_FLOODS, *IMAGES])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--attack", nargs=2, metavar=("URL", "TOKEN"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.attack:
        url, token = wanted.attack
        await attack(wanted.names[0], url, token, wanted.seconds)
        return
    print("| attack | /healthz p99 ms | worst ms | upload p50 ms | worst ms | refused ", end="")
    print("| memory MB |\n| --- " + "| ---: " * 6 + "|")
    for name in wanted.names:
        # Each gets a fresh service, so that its peak memory is that of the attack.
        async with own_service({"INFERENCE_THREADS": "2", "LOG_LEVEL": "ERROR"}) as target:
            print(await measure(name, target, wanted.seconds), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
