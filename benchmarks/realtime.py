"""Load for the realtime half: many sessions, a moving face each.

    python -m benchmarks.realtime --sessions 1 4 8 16 32 --rate 10 --seconds 15

starts the service as its own process on this machine, plays a generated clip to it in this many
sessions, and prints what each session and all together got: results a second, latency from
sending a frame to receiving its result, frames dropped, and how long ``/healthz`` took meanwhile.
With ``--url`` and ``--token`` it plays to a service that runs elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.clip import moving_face
from benchmarks.realtime_client import Measured, RealtimeClient


@dataclass(frozen=True)
class Target:
    """A service to play to; ``pid`` is None where it runs elsewhere."""

    url: str
    token: str
    pid: int | None = None


def percentile(values: Iterable[float], percent: float) -> float:
    """The percentile of values; nan without values."""
    ordered = sorted(values)
    return (
        ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
        if ordered
        else float("nan")
    )


@asynccontextmanager
async def own_service(environment: dict[str, str]) -> AsyncIterator[Target]:
    """Start the service with fresh data on a free port."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": folder,
            "MAX_REALTIME_SESSIONS_PER_USER": "1000", "MAX_REALTIME_SESSIONS": "1000",
            "LOG_LEVEL": "WARNING", **environment,
        }  # fmt: skip
        process = await _command(environment, "serve")
        try:
            url = await asyncio.wait_for(_address(process), 60)
            minting = await _command(environment, "token", "--user", "benchmark@example.com")
            minted, _ = await minting.communicate()
            yield Target(url, minted.decode().strip(), process.pid)
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def other_server(module: str) -> AsyncIterator[Target]:
    """Start a server for comparison, a module that takes a port, on a free one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(port), cwd=Path(__file__).parents[1]
    )
    try:
        async with asyncio.timeout(120):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.2)
        writer.close()
        yield Target(f"http://127.0.0.1:{port}", "", process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _command(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrypoints.cli", *arguments,
        cwd=Path(__file__).parents[1], env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if found := re.search(r'ready on ([^\s"]+)', line.decode()):
            return found.group(1).replace("localhost", "127.0.0.1")
    raise RuntimeError("the service did not start")


async def watch_health(url: str, taken_s: list[float]) -> None:
    """Ask ``/healthz`` twenty times a second and keep how long each answer took."""
    while True:
        started = time.perf_counter()
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}/healthz", timeout=30).read())
        taken_s.append(time.perf_counter() - started)
        await asyncio.sleep(0.05)


def memory_mb(pid: int | None) -> float:
    """Resident memory of a process, in MB; nan where there is none to look at."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.exists():
        return float("nan")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(found.group(1)) / 1024 if found else float("nan")


async def play(
    target: Target,
    clip: Sequence[bytes],
    *,
    sessions: int,
    rates: Sequence[float],
    seconds: float,
    config: dict[str, Any],
    watched: bool = True,
) -> tuple[list[Measured], list[float]]:
    """Play this many sessions at once, each at the next of the rates.

    ``/healthz`` is polled meanwhile if wanted; it takes processor time of the service.
    """
    health: list[float] = []
    watching = asyncio.ensure_future(
        watch_health(target.url, health) if watched else asyncio.sleep(0)
    )
    clients = [RealtimeClient(target.url, target.token, config) for _ in range(sessions)]
    try:
        measured = await asyncio.gather(
            *(
                client.play(clip, rate=rate, seconds=seconds, offset_s=number / sessions / rate)
                for number, (client, rate) in enumerate(zip(clients, cycle(rates), strict=False))
            )
        )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return measured, health


def report(measured: list[Measured], health: list[float], mb: float, *, each: bool) -> str:
    """One line for all sessions together, and before it one for each if wanted."""
    lines = []
    if each:
        for number, one in enumerate(measured, start=1):
            lines.append(
                f"    session {number:2}: {one.results_per_s:5.1f} results/s   "
                f"latency p50 {1000 * percentile(one.latencies_s, 50):4.0f}  "
                f"p95 {1000 * percentile(one.latencies_s, 95):4.0f}  "
                f"p99 {1000 * percentile(one.latencies_s, 99):4.0f} ms   "
                f"dropped {one.dropped}/{one.sent}"
            )
    latencies = [latency for one in measured for latency in one.latencies_s]
    rates = sorted(one.results_per_s for one in measured)
    sent, dropped = sum(one.sent for one in measured), sum(one.dropped for one in measured)
    told = sum(bool(one.advised) for one in measured)
    lines.append(
        f"| {len(measured)} | {sum(rates):.0f} | {rates[0]:.1f} – {rates[-1]:.1f} "
        f"| {1000 * percentile(latencies, 50):.0f} | {1000 * percentile(latencies, 95):.0f} "
        f"| {1000 * percentile(latencies, 99):.0f} | {100 * dropped / sent:.0f} % "
        f"| {1000 * percentile(health, 99):.0f} | {1000 * max(health, default=0):.0f} "
        f"| {mb:.0f} | {told} |"
    )
    return "\n".join(lines)


HEADER = (
    "| sessions | results/s in all | a session (least – most) | p50 ms | p95 ms | p99 ms | dropped "
    "| /healthz p99 ms | worst | memory MB | sent 429 |\n" + "| --- " * 11 + "|"
)


async def measure(options: argparse.Namespace) -> None:
    """Play with each number of sessions and print a table."""
    clip = moving_face(width=options.width, height=options.height)
    config = dict(pair.split("=", 1) for pair in options.config)
    config = {key: _value(text) for key, text in config.items()}
    kilobytes = sum(map(len, clip)) // len(clip) // 1000
    rates = " ".join(f"{rate:g}" for rate in options.rate)
    print(
        f"{platform.platform()}, {os.cpu_count()} processors; {rates} fps, "
        f"{options.width} x {options.height}, {kilobytes} kB a frame, "
        f"{options.seconds:g} s each; session config {config or 'default'}"
    )
    elsewhere = Target(options.url, options.token) if options.url else None
    for detector in ["as it runs"] if elsewhere else options.detectors:
        environment = {"FACE_DETECTOR": detector}
        async with _given(elsewhere) if elsewhere else own_service(environment) as target:
            await play(target, clip, sessions=1, rates=[5], seconds=2, config={})  # warm up
            print(f"\nFace detector: {detector}\n\n{HEADER}")
            for sessions in options.sessions:
                measured, health = await play(
                    target, clip,
                    sessions=sessions, rates=options.rate, seconds=options.seconds, config=config,
                )  # fmt: skip
                row = report(measured, health, memory_mb(target.pid), each=options.each)
                print(row, flush=True)


@asynccontextmanager
async def _given(target: Target) -> AsyncIterator[Target]:
    yield target


def _value(text: str) -> object:
    words = {"true": True, "false": False}
    if text in words:
        return words[text]
    if "x" in text and text.replace("x", "").isdigit():
        return [int(side) for side in text.split("x")]
    return float(text)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument(
        "--rate",
        type=float,
        nargs="+",
        default=[10],
        help="frames a second of a session; of several the sessions take one after the other",
    )
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--config", nargs="*", default=[], help="as in detection_interval=3")
    parser.add_argument("--each", action="store_true", help="print a line for every session")
    parser.add_argument("--detectors", nargs="+", default=["bundled"], help="FACE_DETECTOR")
    parser.add_argument("--url", help="of a service that runs already")
    parser.add_argument("--token", help="of a user of that service")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
