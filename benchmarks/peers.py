"""This service compared with the usual stack, in one run: the table of the README.

    python -m benchmarks.peers --seconds 15

starts each as its own process on this machine, one after the other, and gives both the same load:
images of 0.3 megapixels uploaded by eight clients, then eight streams of ten frames a second.
``/healthz`` is asked twenty times a second meanwhile. It needs ``pip install -e ".[benchmarks]"``.
The usual stack is ``benchmarks/usual_stack.py``; its network has random weights, so only its speed
counts and not its answers.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import socketio

from benchmarks.clip import moving_face
from benchmarks.realtime import (
    Target,
    other_server,
    own_service,
    percentile,
    play,
    watch_health,
)
from benchmarks.uploads import encoded_image


@dataclass
class Measured:
    """The measurements of the clients.

    Attributes:
        results: answers.
        seconds: until the last of them.
        latencies_s: from sending to the answer.
        health_s: how long ``/healthz`` took.
    """

    results: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)

    def row(self, name: str, load: str) -> str:
        """A line of the table."""
        return (
            f"| {name} | {load} | {self.results / self.seconds:.1f} "
            f"| {1000 * percentile(self.latencies_s, 50):.0f} "
            f"| {1000 * percentile(self.latencies_s, 95):.0f} "
            f"| {1000 * percentile(self.health_s, 99):.0f} "
            f"| {1000 * max(self.health_s, default=0):.0f} |"
        )


async def upload_to_service(target: Target, photo: bytes, options: argparse.Namespace) -> Measured:
    """Images as a form, signed in."""
    headers = {"Authorization": f"Bearer {target.token}"}
    async with httpx.AsyncClient(base_url=target.url, headers=headers, timeout=300) as http:

        async def send() -> bool:
            answer = await http.post("/api/detect", files={"file": ("photo.jpg", photo)})
            return answer.is_success

        return await _upload(target.url, send, options)


async def upload_to_usual(url: str, photo: bytes, options: argparse.Namespace) -> Measured:
    """Images as they are."""
    async with httpx.AsyncClient(base_url=url, timeout=300) as http:

        async def send() -> bool:
            return (await http.post("/detect", content=photo)).is_success

        return await _upload(url, send, options)


async def _upload(
    url: str, send: Callable[[], Awaitable[bool]], options: argparse.Namespace
) -> Measured:
    measured = Measured()
    await send()  # warms the threads
    watching = asyncio.create_task(watch_health(url, measured.health_s))
    started = time.perf_counter()

    async def client() -> None:
        while (sent := time.perf_counter()) < started + options.seconds:
            if await send():
                measured.results += 1
                measured.latencies_s.append(time.perf_counter() - sent)

    await asyncio.gather(*(client() for _ in range(options.clients)))
    measured.seconds = time.perf_counter() - started
    await _ended(watching)
    return measured


async def stream_to_service(
    target: Target, clip: Sequence[bytes], options: argparse.Namespace
) -> Measured:
    """Streams with the default configuration."""
    clients, health = await play(
        target, clip, sessions=options.sessions, rates=[options.rate], seconds=options.seconds,
        config={},
    )  # fmt: skip
    latencies = [latency for one in clients for latency in one.latencies_s]
    return Measured(len(latencies), max(one.duration_s for one in clients), latencies, health)


async def stream_to_usual(url: str, clip: Sequence[bytes], options: argparse.Namespace) -> Measured:
    """The same frames as base64; late answers are awaited for up to a minute."""
    measured, pictures = Measured(), [base64.b64encode(frame).decode() for frame in clip]
    watching = asyncio.create_task(watch_health(url, measured.health_s))
    frames = round(options.rate * options.seconds)
    started = time.perf_counter()

    async def client(offset_s: float) -> None:
        io, answered = socketio.AsyncClient(reconnection=False), asyncio.Event()
        sent_at: dict[int, float] = {}

        async def on_result(result: dict[str, int]) -> None:
            measured.results += 1
            measured.latencies_s.append(time.perf_counter() - sent_at.pop(result["frame_id"]))
            answered.set()

        io.on("detection_result", on_result)
        await io.connect(url, transports=["websocket"], wait_timeout=120)
        await asyncio.sleep(offset_s)
        first = time.perf_counter()
        for number in range(frames):
            await asyncio.sleep(max(first + number / options.rate - time.perf_counter(), 0))
            sent_at[number] = time.perf_counter()
            frame = {"frame_id": number, "data": pictures[number % len(pictures)]}
            await io.emit("video_frame", frame)
        try:
            async with asyncio.timeout(60):
                while sent_at:
                    answered.clear()
                    await answered.wait()
        except TimeoutError:
            pass  # Frames without an answer by then count as not answered.
        await io.disconnect()

    offsets = (number / options.sessions / options.rate for number in range(options.sessions))
    await asyncio.gather(*map(client, offsets))
    measured.seconds = time.perf_counter() - started
    await _ended(watching)
    return measured


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def measure(options: argparse.Namespace) -> None:
    """Print the table."""
    clip, photo = moving_face(), encoded_image(options.photo, options.megapixels)
    uploads = f"{options.clients} clients, {options.megapixels:g} megapixels"
    streams = f"{options.sessions} streams of {options.rate:g} a second"
    print("| | load | results/s | p50 ms | p95 ms | /healthz p99 ms | worst ms |")
    print("| --- | --- " + "| ---: " * 5 + "|")
    for detector in options.detectors:
        name = f"this service, {detector}"
        async with own_service({"FACE_DETECTOR": detector}) as target:
            await play(target, clip, sessions=1, rates=[5], seconds=2, config={})
            measured = await upload_to_service(target, photo, options)
            print(measured.row(name, uploads), flush=True)
            measured = await stream_to_service(target, clip, options)
            print(measured.row(name, streams), flush=True)
    async with other_server("benchmarks.usual_stack") as usual:
        measured = await upload_to_usual(usual.url, photo, options)
        print(measured.row("the usual stack", uploads), flush=True)
        measured = await stream_to_usual(usual.url, clip, options)
        print(measured.row("the usual stack", streams), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--megapixels", type=float, default=0.3)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--detectors", nargs="+", default=["bundled", "haar"], help="FACE_DETECTOR")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
