"""How long a detection takes while MongoDB or Cloudinary is down, silent or erring.

Needs what the tests need (SecantusDB and the double of Cloudinary): run it from the repository's
root with ``python -m benchmarks.cloud_faults``.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from PIL import Image

from tests.e2e.cloud import address_of, listening
from tests.servers.cloudinary import API_KEY, API_SECRET, CLOUD, cloudinary_double
from tests.servers.flaky import flaky_proxy
from tests.servers.mongodb import secantus

DETECTIONS = 60


async def main() -> None:
    """Measure each fault against the normal run before it."""
    async with (
        secantus() as uri,
        cloudinary_double() as cloudinary,
        flaky_proxy(address_of(uri).strip("/")) as mongodb,
        listening(
            data_dir=Path(tempfile.mkdtemp()),
            repository="mongodb",
            mongodb_uri=f"mongodb://{mongodb.address}/?directConnection=true",
            image_store="cloudinary",
            cloudinary_cloud_name=CLOUD,
            cloudinary_timeout_s=2,
            cloudinary_api_key=API_KEY,
            cloudinary_api_secret=API_SECRET,
            cloudinary_upload_prefix=cloudinary.url,
            cloudinary_delivery_url=cloudinary.url,
        ) as (url, container),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client,
    ):
        id_token = container.identity_provider().mint_id_token("bench@example.com", 3600)
        answer = await client.post("/auth/verify-token", json={"id_token": id_token})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        await timed(client)  # warms up
        faults: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "MongoDB stopped": (mongodb.stop, mongodb.behave),
            "MongoDB silent": (mongodb.fall_silent, mongodb.behave),
            "Cloudinary silent": (cloudinary.hold, cloudinary.behave),
            "Cloudinary answers 500": (lambda: refuse(cloudinary, 500), cloudinary.behave),
        }
        print(f"{'':24}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'p50 ratio':>11}{'p95 ratio':>11}")
        for name, (begin, end) in faults.items():
            normal = await timed(client)
            begin()
            faulty = await timed(client)
            end()
            show("normal", normal, normal)
            show(name, faulty, normal)
            spool = container.spool()
            # Let what waits be stored, so that it does not slow the next normal run.
            while await spool.waiting():  # noqa: ASYNC110 - a spool announces nothing
                await asyncio.sleep(0.2)


def refuse(cloudinary: object, status: int) -> None:
    """Let the double answer everything with this status."""
    cloudinary.refusal = status  # type: ignore[attr-defined]


async def timed(client: httpx.AsyncClient) -> list[float]:
    """Milliseconds of each of some detections, one after the other."""
    file = io.BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(file, "JPEG")
    took = []
    for _ in range(DETECTIONS):
        started = time.perf_counter()
        answer = await client.post("/api/detect", files={"file": ("n.jpg", file.getvalue())})
        answer.raise_for_status()
        took.append((time.perf_counter() - started) * 1000)
    return took


def show(name: str, took: list[float], normal: list[float]) -> None:
    """Print one line."""
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[18]
    base50, base95 = statistics.median(normal), statistics.quantiles(normal, n=20)[18]
    print(
        f"{name:24}{p50:9.0f}{p95:9.0f}{max(took):9.0f}{p50 / base50:11.2f}{p95 / base95:11.2f}",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
