"""Sending a recorded video to the service, and following the work on it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import skimage.data

from tests import clips

SECONDS = 12
RATE = 5
_GOES_ON = ("queued", "running")


def write_interview(path: Path, seconds: int = SECONDS) -> bytes:
    """A moving portrait, without a face in the last third."""
    portrait = np.ascontiguousarray(skimage.data.astronaut()[:360, :480])
    empty = np.full_like(portrait, 90)
    pictures = (
        (n / RATE, np.roll(portrait, n % 12, axis=1) if n < seconds * RATE * 2 / 3 else empty)
        for n in range(seconds * RATE)
    )
    return clips.write_clip(path, pictures).read_bytes()


async def send(
    client: httpx.AsyncClient, content: bytes, name: str = "interview.mp4", **fields: str
) -> httpx.Response:
    return await client.post("/api/videos", files={"file": (name, content)}, data=fields)


async def shown(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/videos/{video_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def ended(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while (video := await shown(client, video_id))["status"] in _GOES_ON:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return video


async def got_on(client: httpx.AsyncClient, video_id: str, frames: int) -> bool:
    """Wait until this many more frames are analysed; False if the work ended before."""
    before = (await shown(client, video_id))["frames_analysed"]
    async with asyncio.timeout(120):
        while (video := await shown(client, video_id))["frames_analysed"] < before + frames:
            if video["status"] == "done":
                return False
            await asyncio.sleep(0.02)
    return True
