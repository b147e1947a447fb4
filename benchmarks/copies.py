"""Two copies of the service against one, behind the proxy of ``deploy/`` and in the same run.

    python -m benchmarks.copies --processors 0.5 --sessions 8 --rate 10 --seconds 10 --rounds 3

Each copy is held to a part of a processor, so that two copies, the proxy, Redis, MongoDB and the
clients fit into a small machine and nothing but the copies is scarce. This takes root and Linux.
One copy and two follow each other in every round, so that other work on the machine troubles both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from benchmarks.clip import moving_face
from benchmarks.parts import process_ms
from benchmarks.realtime import Target, memory_mb, own_service, percentile, play
from tests.servers.mongodb import mongodb_server
from tests.servers.nginx import nginx
from tests.servers.redis import redis_server

HEADER = (
    "| copies | results/s | of each copy | dropped | p50 ms | p95 ms | service ms a result "
    "| proxy and stores ms | memory MB | load |\n" + "| --- " * 10 + "|"
)


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


@contextmanager
def held_to(processors: float, pid: int) -> Iterator[None]:
    """Let a process and its children have no more than so many processors, by a control group."""
    groups = Path("/sys/fs/cgroup")
    second_version = (groups / "cgroup.controllers").exists()
    parent = groups if second_version else groups / "cpu"
    group = parent / f"emotion-api-{pid}"
    group.mkdir()
    if second_version:
        (parent / "cgroup.subtree_control").write_text("+cpu")
        (group / "cpu.max").write_text(f"{processors * 100_000:.0f} 100000")
    else:
        (group / "cpu.cfs_quota_us").write_text(f"{processors * 100_000:.0f}")
    try:
        for each in family(pid):
            (group / "cgroup.procs").write_text(str(each))
        yield
    finally:
        for remaining in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(remaining)
        group.rmdir()


def processor_ms(pids: Iterator[int] | Sequence[int]) -> float:
    """What these processes have taken so far."""
    return sum(map(process_ms, pids))


async def turn(target: Target, copies: Sequence[int], options: argparse.Namespace) -> str:
    """Play to some copies, and a row of what came of it."""
    clip = moving_face(width=640, height=480)
    others = set(family(os.getpid())) - {os.getpid()} - {p for c in copies for p in family(c)}

    def taken() -> list[float]:
        return [*(processor_ms(family(copy)) for copy in copies), processor_ms(sorted(others))]

    before = taken()
    measured, _ = await play(
        target, clip,
        sessions=options.sessions, rates=[options.rate], seconds=options.seconds, config={},
        watched=False,
    )  # fmt: skip
    spent = [after - earlier for after, earlier in zip(taken(), before, strict=True)]
    per_s = sum(one.results_per_s for one in measured)
    results = sum(len(one.latencies_s) for one in measured)
    latencies = [latency for one in measured for latency in one.latencies_s]
    sent, dropped = sum(one.sent for one in measured), sum(one.dropped for one in measured)
    shares = " + ".join(f"{100 * own / sum(spent[:-1]):.0f} %" for own in spent[:-1])
    return (
        f"| {len(copies)} | {per_s:.0f} | {shares} | {100 * dropped / sent:.0f} % "
        f"| {1000 * percentile(latencies, 50):.0f} | {1000 * percentile(latencies, 95):.0f} "
        f"| {sum(spent[:-1]) / results:.1f} | {spent[-1] / results:.2f} "
        f"| {' + '.join(f'{memory_mb(copy):.0f}' for copy in copies)} | {os.getloadavg()[0]:.1f} |"
    )


async def measure(options: argparse.Namespace) -> None:
    """Play to one copy and to two, in turn."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = {
            "SECRET_KEY": "the copies of a benchmark share this one",
            "REPOSITORY": "mongodb",
            "MONGODB_URI": await stack.enter_async_context(mongodb_server()),
            "REDIS_URL": await stack.enter_async_context(redis_server()),
            "SOCKETIO_TRANSPORTS": "websocket",
            "INFERENCE_THREADS": "1",
        }
        services = [await stack.enter_async_context(own_service(shared)) for _ in range(2)]
        pids = [service.pid for service in services if service.pid is not None]
        addresses = [service.url.removeprefix("http://") for service in services]
        proxies = []
        for number in (1, 2):
            (folder / str(number)).mkdir()
            proxy = nginx(folder / str(number), addresses[:number])
            proxies.append(await stack.enter_async_context(proxy))
        for service in services:  # warm up
            await play(service, moving_face(width=640, height=480), sessions=1, rates=[5],
                       seconds=2, config={}, watched=False)  # fmt: skip
        for pid in pids:
            stack.enter_context(held_to(options.processors, pid))
        print(
            f"{platform.platform()}, {os.cpu_count()} processors, {options.processors:g} a copy; "
            f"{options.sessions} sessions of {options.rate:g} frames/s, 640 x 480, "
            f"{options.seconds:g} s\n\n{HEADER}"
        )
        for _ in range(options.rounds):
            for number in (1, 2):
                target = Target(proxies[number - 1], services[0].token)
                print(await turn(target, pids[:number], options), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=10, help="frames a second of a session")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="turns of one copy and of two")
    parser.add_argument("--processors", type=float, default=0.5, help="of each copy")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
