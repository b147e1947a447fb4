"""What live sessions, uploads and ``/healthz`` notice of a video in work.

    python -m benchmarks.beside_video [--seconds 12] [--cameras 1 3]

starts the service as its own process on this machine and measures twice in one run: alone, and
while videos are in work, of which every frame is analysed. Uploads come one after the other, at
most five a second; cameras send ten frames a second.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import httpx
from skimage import data

from benchmarks.clip import moving_face
from benchmarks.realtime import Target, own_service, percentile, play, watch_health
from benchmarks.video import write_clip

_CLIP_SECONDS = 240
_VIDEOS = 3
_HEADER = (
    "| | | results/s | p50 ms | p95 ms | /healthz p50 ms | p99 ms | worst |\n" + "| --- " * 8 + "|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12, help="of each measurement")
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 3])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", _CLIP_SECONDS)
        asyncio.run(measure(clip.read_bytes(), arguments.cameras, arguments.seconds))


async def measure(clip: bytes, cameras: Sequence[int], seconds: float) -> None:
    """Measure alone, then beside videos, and print one table."""
    frames = moving_face()
    async with own_service({}) as target:
        await play(target, frames, sessions=1, rates=[5], seconds=2, config={})  # warm up
        print(_HEADER)
        for situation in ("alone", "beside a video"):
            if situation != "alone":
                await _send_videos(target, clip)
            await _measure_uploads(target, situation, seconds)
            for sessions in cameras:
                measured, health = await play(
                    target, frames, sessions=sessions, rates=[10], seconds=seconds, config={}
                )
                latencies = [latency for one in measured for latency in one.latencies_s]
                name = f"{sessions} camera{'s' if sessions > 1 else ''}"
                _report(situation, name, len(latencies) / seconds, latencies, health)
        await _check_in_work(target)


async def _measure_uploads(target: Target, situation: str, seconds: float) -> None:
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    file = {"file": ("portrait.jpg", jpeg.tobytes(), "image/jpeg")}
    latencies: list[float] = []
    health: list[float] = []
    watching = asyncio.ensure_future(watch_health(target.url, health))
    async with _client(target) as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            (await client.post("/api/detect", files=file)).raise_for_status()
            latencies.append(time.perf_counter() - started)
            await asyncio.sleep(0.2)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    _report(situation, "uploads", len(latencies) / seconds, latencies, health)


async def _send_videos(target: Target, clip: bytes) -> None:
    file = {"file": ("clip.mp4", clip, "video/mp4")}
    async with _client(target) as client:
        for _ in range(_VIDEOS):
            answer = await client.post("/api/videos", files=file, data={"frames_per_second": "30"})
            answer.raise_for_status()
    await asyncio.sleep(2)


async def _check_in_work(target: Target) -> None:
    """The figures say nothing if the work had ended before."""
    async with _client(target) as client:
        videos = (await client.get("/api/videos")).raise_for_status().json()
    if not any(video["status"] == "running" for video in videos):
        raise SystemExit("the videos had been analysed before the end; measure for fewer seconds")


def _client(target: Target) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {target.token}"}
    return httpx.AsyncClient(base_url=target.url, headers=headers, timeout=60)


def _report(
    situation: str, what: str, per_s: float, latencies: list[float], health: list[float]
) -> None:
    figures = [percentile(latencies, 50), percentile(latencies, 95)]
    figures += [percentile(health, 50), percentile(health, 99), max(health)]
    told = " | ".join(f"{1000 * figure:.1f}" for figure in figures)
    print(f"| {situation} | {what} | {per_s:.1f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
