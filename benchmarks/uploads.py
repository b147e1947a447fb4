"""Load for the HTTP half: images uploaded by several clients at once.

    python -m benchmarks.uploads --clients 1 8 --megapixels 24 --seconds 15 [PHOTO]
    YUNET_MODEL=FILE python -m benchmarks.uploads --detectors bundled yunet haar

starts the service as its own process on this machine, once for each face detector, lets so many
clients send an image again and again, and prints how many images and faces a second were
answered, how long an answer took, and how long ``/healthz`` took meanwhile. Without PHOTO it is
scikit-image's astronaut, enlarged.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import time
from pathlib import Path

import httpx
import skimage.data
from PIL import Image

from benchmarks.realtime import Target, own_service, percentile, watch_health


def encoded_image(path: Path | None, megapixels: float) -> bytes:
    """A JPEG of this many megapixels and at most 5 MiB."""
    picture = Image.open(path).convert("RGB") if path else Image.fromarray(skimage.data.astronaut())
    factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    picture = picture.resize((round(picture.width * factor), round(picture.height * factor)))
    for quality in (92, 80, 60, 40):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() < 5 * 2**20:
            return out.getvalue()
    raise SystemExit("the image does not fit into 5 MiB")


async def measure(target: Target, image: bytes, clients: int, seconds: float) -> str:
    """Let the clients send, and print one row of the table."""
    latencies: list[float] = []
    faces = refused = 0
    ends_at = time.perf_counter() + seconds

    async def send(http: httpx.AsyncClient) -> None:
        nonlocal faces, refused
        while (started := time.perf_counter()) < ends_at:
            answer = await http.post("/api/detect", files={"file": ("photo.jpg", image)})
            if answer.status_code == 503:
                refused += 1
                continue
            latencies.append(time.perf_counter() - started)
            faces += len(answer.raise_for_status().json()["detection_results"]["faces"])

    headers = {"Authorization": f"Bearer {target.token}"}
    async with httpx.AsyncClient(base_url=target.url, headers=headers, timeout=120) as http:
        await http.post("/api/detect", files={"file": ("photo.jpg", image)})  # warms the threads
        health: list[float] = []
        asking = asyncio.create_task(watch_health(target.url, health))
        started = time.perf_counter()
        await asyncio.gather(*(send(http) for _ in range(clients)))
        took_s = time.perf_counter() - started
        asking.cancel()
    cells = (
        clients,
        f"{len(latencies) / took_s:.1f}",
        f"{faces / took_s:.1f}",
        f"{percentile(latencies, 50) * 1000:.0f}",
        f"{percentile(latencies, 95) * 1000:.0f}",
        refused,
        f"{percentile(health, 50) * 1000:.0f}",
        f"{percentile(health, 99) * 1000:.0f}",
        f"{max(health) * 1000:.0f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


async def main() -> None:
    """Read the arguments, measure, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--detectors", nargs="+", default=["bundled"], help="FACE_DETECTOR")
    wanted = parser.parse_args()
    image = encoded_image(wanted.photo, wanted.megapixels)
    print(f"{wanted.megapixels:g} megapixels, {len(image) / 2**20:.1f} MiB of JPEG\n")
    print("| detector | clients | images/s | faces/s | p50 ms | p95 ms | refused ", end="")
    print("| /healthz p50 ms | p99 ms | worst ms |\n" + "| --- " + "| ---: " * 9 + "|")
    for detector in wanted.detectors:
        async with own_service({"FACE_DETECTOR": detector}) as target:
            for clients in wanted.clients:
                row = await measure(target, image, clients, wanted.seconds)
                print(f"| {detector} {row}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
