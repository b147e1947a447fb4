"""Calls over HTTP that many tests make."""

import asyncio
import io
from typing import Any

import httpx
from PIL import Image

from tests.e2e.service_process import ServiceProcess


async def detect(client: httpx.AsyncClient, photograph: bytes) -> dict[str, Any]:
    """Send an image that has to be accepted."""
    answer = await client.post("/api/detect", files={"file": ("astronaut.jpg", photograph)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def settled(client: httpx.AsyncClient, detection_id: str) -> str:
    """Wait until the storing of a detection has ended; returns its status."""
    async with asyncio.timeout(120):
        while True:
            answer = await client.get(f"/api/detect/status/{detection_id}")
            assert answer.status_code == 200, answer.text
            if answer.json()["status"] != "pending":
                return str(answer.json()["status"])
            await asyncio.sleep(0.02)


async def history(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """All of the caller's records."""
    records: list[dict[str, Any]] = []
    while True:
        page = await client.get("/api/history", params={"skip": len(records), "limit": 100})
        assert page.status_code == 200, page.text
        records += page.json()
        if len(records) >= int(page.headers["X-Total-Count"]):
            return records


def small_picture(number: int) -> bytes:
    """A small unique image without a face."""
    file = io.BytesIO()
    Image.new("RGB", (96, 96), (number % 256, number // 256, 120)).save(file, "PNG")
    return file.getvalue()


async def watch_health(service: ServiceProcess) -> None:
    """Poll `/healthz` until cancelled; a missing answer fails the test by its timeout."""
    async with service.client() as guest:
        while True:
            assert (await guest.get("/healthz")).status_code == 200
            await asyncio.sleep(0.05)
