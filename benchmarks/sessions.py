"""The time of one copy to start, open sessions and stop: the assumptions of ``fleet``.

python -m benchmarks.sessions --sessions 150
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import time

import socketio

from benchmarks.clip import moving_face
from benchmarks.realtime import memory_mb, own_service, play

_NAMESPACE = "/emotion-detection"


async def _open(url: str, token: str, gone: asyncio.Semaphore) -> socketio.AsyncClient:
    """A session that waits; ``gone`` is released when the service ends it."""
    client = socketio.AsyncClient(reconnection=False)

    async def left(*reason: object) -> None:
        gone.release()

    client.on("disconnect", left, namespace=_NAMESPACE)
    await client.connect(
        url, namespaces=[_NAMESPACE], auth={"token": token}, transports=["websocket"],
        wait_timeout=120,
    )  # fmt: skip
    await client.emit("control", {"action": "start", "config": {}}, namespace=_NAMESPACE)
    return client


async def measure(sessions: int, at_once: int) -> None:
    """Open sessions, a few at a time, and stop the service meanwhile."""
    began_s = time.monotonic()
    async with own_service({}) as target:
        assert target.pid is not None
        start_s = time.monotonic() - began_s
        await play(target, moving_face(width=640, height=480), sessions=1, rates=[5], seconds=2,
                   config={})  # fmt: skip
        before_mb, gone = memory_mb(target.pid), asyncio.Semaphore(0)
        clients: list[socketio.AsyncClient] = []
        began_s = time.monotonic()
        while len(clients) < sessions:
            wave = min(at_once, sessions - len(clients))
            opening = (_open(target.url, target.token, gone) for _ in range(wave))
            clients += await asyncio.gather(*opening)
        open_s = time.monotonic() - began_s
        after_mb = memory_mb(target.pid)
        load = os.getloadavg()[0]
        print(f"{platform.platform()}, {os.cpu_count()} processors, load {load:.1f}")
        print(f"from the command to the first answer, with a token made: {start_s:.1f} s")
        print(f"sessions opened a second, client on the same processors: {sessions / open_s:.0f}")
        print(
            f"memory a session, started and waiting: {(after_mb - before_mb) / sessions:.3f} MB",
            flush=True,
        )
        began_s = time.monotonic()
        os.kill(target.pid, signal.SIGTERM)
        for _ in range(sessions):
            await gone.acquire()
        told_s = time.monotonic() - began_s
    print(f"from SIGTERM until the last of {sessions} sessions was notified: {told_s:.2f} s")


def main() -> None:
    """Measure one copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=150)
    parser.add_argument("--at-once", type=int, default=20)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.sessions, chosen.at_once))


if __name__ == "__main__":
    main()
