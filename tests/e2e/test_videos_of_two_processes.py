"""Recorded videos of two processes on one MongoDB, with their files in Cloudinary."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.calls import history
from tests.e2e.quick_start import QuickStart
from tests.e2e.service_process import ServiceProcess
from tests.e2e.stacks import SharedStack, cloudinary_settings
from tests.e2e.videos import RATE, SECONDS, ended, send, write_interview
from tests.servers.cloudinary import cloudinary_double

LOOKS = re.compile(r'^emotion_stage_seconds_count\{stage="detect"\} (\S+)$', re.MULTILINE)


@pytest.fixture
async def pair(mongodb_uri: str, tmp_path: Path) -> AsyncIterator[list[ServiceProcess]]:
    async with cloudinary_double() as cloudinary:
        stack = SharedStack(mongodb_uri, cloudinary_settings(cloudinary.url))
        pair: list[ServiceProcess] = []
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
            pair.append(QuickStart(tmp_path / name, stack))
        try:
            await asyncio.gather(*(process.start() for process in pair))
            yield pair
        finally:
            for process in pair:
                await process.close()


async def looks(process: ServiceProcess) -> int:
    """How many frames a process has analysed since it started."""
    async with process.client() as guest:
        found = LOOKS.search((await guest.get("/metrics")).text)
    return round(float(found[1])) if found else 0


async def rows(client: httpx.AsyncClient, video_id: str) -> list[int]:
    table = (await client.get(f"/api/videos/{video_id}/frames")).json()
    return [row["frame"] for row in table]


async def test_every_video_is_analysed_by_one_process(
    pair: list[ServiceProcess], interview: bytes
) -> None:
    token = (await pair[0].sign_in())["access_token"]
    sent = []
    for process in (*pair, *pair):
        async with process.client(token) as client:
            sent.append((await send(client, interview)).json()["video_id"])
    async with pair[1].client(token) as client:
        for video_id in sent:
            assert (await ended(client, video_id))["status"] == "done"
            assert await rows(client, video_id) == list(range(SECONDS * RATE))
        assert len(await history(client)) == len(sent)
    looked = [await looks(process) for process in pair]
    assert sum(looked) == len(sent) * SECONDS * RATE, "no frame was analysed twice"
    assert min(looked) > 0, "both processes worked"


async def test_the_video_of_a_killed_process_is_finished_by_the_other(
    pair: list[ServiceProcess], tmp_path: Path
) -> None:
    # Long enough to be killed between the first written frames and the end.
    seconds = 60
    long = await asyncio.to_thread(write_interview, tmp_path / "long.mp4", seconds)
    token = (await pair[0].sign_in())["access_token"]
    async with pair[0].client(token) as client:
        video_id = (await send(client, long)).json()["video_id"]
        async with asyncio.timeout(120):
            while not await rows(client, video_id):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    killed, other = sorted(pair, key=lambda process: process is not pair[0])
    if not await looks(killed):
        killed, other = other, killed
    await killed.kill()
    async with other.client(token) as client:
        assert (await ended(client, video_id))["status"] == "done"
        assert await rows(client, video_id) == list(range(seconds * RATE))
        assert [entry["detection_id"] for entry in await history(client)] == [video_id]
    assert 0 < await looks(other) < seconds * RATE, "it went on where the other one stopped"
