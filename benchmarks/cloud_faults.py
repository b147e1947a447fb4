"""How long a detection takes while a part of the cloud stack is down, silent, slow or failing.

Starts the service as a process of its own on what the tests start (SecantusDB, a double of
Cloudinary, Firebase's emulator). Run it from the repository's root:
``python -m benchmarks.cloud_faults``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import skimage.data
from PIL import Image

from tests.e2e.cloud import FAULTS, flaky_cloud, recovered
from tests.e2e.service_process import ServiceProcess
from tests.servers.cloudinary import cloudinary_double
from tests.servers.firebase import firebase_emulator
from tests.servers.mongodb import mongodb_server


async def main(detections: int) -> None:
    """Measure during each fault, against as many detections just before it."""
    logging.getLogger("aiohttp.server").disabled = True  # The double's calls are broken off.
    folder = Path(tempfile.mkdtemp())
    async with (
        mongodb_server() as mongodb_uri,
        cloudinary_double() as images,
        firebase_emulator() as emulator,
        flaky_cloud(mongodb_uri, images, emulator) as cloud,
    ):
        service = ServiceProcess(folder, cloud.stack)
        await service.start()
        async with await service.user() as client:
            await timed(client, detections)  # warms up
            print(f"{'':28}{'p50 ms':>16}{'p95 ms':>16}{'max ms':>16}{'load':>8}")
            for name, begin in FAULTS.items():
                await recovered(client, name)
                before = await timed(client, detections)
                begin(cloud)
                during = await timed(client, detections)
                cloud.behave()
                show(name, before, during)
        service.ask_to_stop()
        await service.ended()


async def timed(client: httpx.AsyncClient, detections: int) -> list[float]:
    """Milliseconds of each of this many detections, one after the other."""
    file = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "JPEG")
    took = []
    for _ in range(detections):
        started = time.perf_counter()
        answer = await client.post("/api/detect", files={"file": ("a.jpg", file.getvalue())})
        answer.raise_for_status()
        took.append((time.perf_counter() - started) * 1000)
    return took


def show(name: str, before: list[float], during: list[float]) -> None:
    """Print one line: before, during, and the ratio."""
    cells = []
    for measure in (statistics.median, percentile_95, max):
        was, became = measure(before), measure(during)
        cells.append(f"{f'{was:.0f} {became:.0f} {became / was:.2f}':>16}")
    print(f"{name:28}{''.join(cells)}{os.getloadavg()[0]:8.1f}", flush=True)


def percentile_95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[18]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detections", type=int, default=200, help="before and during each fault")
    asyncio.run(main(parser.parse_args().detections))
