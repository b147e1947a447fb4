"""A recorded video on the page: sending it, and going to a moment of it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
from playwright.async_api import FilePayload, Page, Route

from tests import clips
from tests.e2e.browser.choosing import choose

RATE = 10
SECONDS = 6
STEP = 12
"""Pixels that the face moves between two pictures."""


@cache
def interview() -> bytes:
    """A face that moves to the right for four seconds, and no face for the last two."""
    portrait = np.ascontiguousarray(skimage.data.astronaut()[:240, 100:360])
    pictures = []
    for number in range(RATE * SECONDS):
        picture = np.full((240, 720, 3), 90, np.uint8)
        if number < RATE * 4:
            left = STEP * number
            picture[:, left : left + 240] = portrait[:, :240]
        pictures.append((number / RATE, picture))
    with TemporaryDirectory() as folder:
        path = clips.write_clip(
            Path(folder) / "interview.webm",
            pictures,
            codec="libvpx",
            options={"deadline": "realtime", "cpu-used": "8", "crf": "12", "b": "2M"},
        )
        return path.read_bytes()


def clip(name: str = "interview.webm") -> FilePayload:
    return {"name": name, "mimeType": "video/webm", "buffer": interview()}


async def analysed(page: Page) -> None:
    """Drop a video, and wait for its result."""
    await choose(page, clip())
    await page.locator(".session-chart.leads").wait_for(timeout=120_000)


async def analysed_with_many_faces(page: Page) -> None:
    """Drop a video, and wait for a result in which its face stands fifty times."""

    async def with_many(route: Route) -> None:
        answer = await route.fetch()
        record = await answer.json()
        (track,) = record["stream"]["tracks"]
        record["stream"]["tracks"] = [
            {**track, "tracking_id": f"face_{number}", "timeline": track["timeline"] * times}
            for number in range(1, 51)
            for times in [1 if number < 11 else 2]
        ]
        await route.fulfill(response=answer, json=record)

    await page.route("**/api/history/*", with_many)
    await analysed(page)


async def go_to(page: Page, seconds: float) -> None:
    await page.locator(".video-stage video").evaluate(
        "(video, at) => new Promise(done => { video.pause();"
        " video.addEventListener('seeked', done, { once: true }); video.currentTime = at; })",
        seconds,
    )
