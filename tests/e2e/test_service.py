"""The whole service on its embedded default: real process, real photograph, real model."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import skimage.data

from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess(tmp_path)
    yield service
    await service.close()


async def detect(client: httpx.AsyncClient, photograph: bytes) -> dict:
    answer = await client.post("/api/detect", files={"file": ("astronaut.jpg", photograph)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def settled(client: httpx.AsyncClient, detection_id: str) -> str:
    """Wait until the storing of a detection has come to an end."""
    async with asyncio.timeout(120):
        while True:
            answer = await client.get(f"/api/detect/status/{detection_id}")
            assert answer.status_code == 200, answer.text
            if answer.json()["status"] != "pending":
                return answer.json()["status"]
            await asyncio.sleep(0.02)


async def test_a_smiling_astronaut_is_found_read_kept_and_served_back(process, astronaut):
    async with await process.start() as client:
        detection = await detect(client, astronaut)
        assert detection["image"] == {"width": 512, "height": 512}
        face = detection["detection_results"]["faces"][0]
        x, y, width, height = face["box"]
        assert x < 224 < x + width  # Eileen Collins's nose is at about (224, 112)
        assert y < 112 < y + height
        assert face["dominant_emotion"] == "happy"

        assert await settled(client, detection["detection_id"]) == "done"
        (listed,) = (await client.get("/api/history")).json()
        assert listed["detection_results"] == detection["detection_results"]
        image = await client.get(listed["image_url"])
        assert image.content == astronaut
        assert image.headers["Content-Type"] == "image/jpeg"

        guest = httpx.AsyncClient(base_url=process.url, trust_env=False)
        async with guest:
            assert (await guest.get(listed["image_url"])).status_code == 401


async def test_what_was_answered_is_still_there_after_a_kill(process, astronaut):
    async with await process.start() as client:
        detection = await detect(client, astronaut)
        await process.kill()
    async with await process.start() as client:
        assert await settled(client, detection["detection_id"]) == "done"
        (listed,) = (await client.get("/api/history")).json()
        assert listed["detection_id"] == detection["detection_id"]
        assert listed["detection_results"] == detection["detection_results"]
        assert (await client.get(listed["image_url"])).content == astronaut


async def test_sign_ins_and_quotas_outlive_a_restart_and_no_token_is_logged(process, astronaut):
    async with await process.start() as client:
        signed_in = await client.post("/auth/verify-token", json={"id_token": process.token})
        tokens = signed_in.json()
        guest = httpx.AsyncClient(base_url=process.url, timeout=120, trust_env=False)
        async with guest:
            for _ in range(3):
                await detect(guest, astronaut)
            cookies = dict(guest.cookies)
        process.ask_to_stop()
        await process.ended()
    async with await process.start() as client:
        client.headers["Authorization"] = "Bearer " + tokens["access_token"]
        assert (await client.get("/auth/profile")).json()["email"] == "operator@localhost"
        renewed = await client.post(
            "/auth/refresh-token", json={"refresh_token": tokens["refresh_token"]}
        )
        assert renewed.status_code == 200
        tokens |= {"renewed": renewed.json()["refresh_token"]}
        guest = httpx.AsyncClient(
            base_url=process.url, timeout=120, trust_env=False, cookies=cookies
        )
        async with guest:
            answer = await guest.post("/api/detect", files={"file": ("a.jpg", astronaut)})
            assert answer.status_code == 429
    assert '"/api/detect"' in process.log
    for name in ("access_token", "refresh_token", "renewed"):
        assert tokens[name] not in process.log
    assert process.token not in process.log


async def test_sigterm_finishes_what_was_accepted(process):
    large = as_jpeg(skimage.data.astronaut().repeat(3, axis=0).repeat(3, axis=1))
    async with await process.start() as client:
        under_way = [asyncio.create_task(detect(client, large)) for _ in range(4)]
        metrics = ""
        async with asyncio.timeout(120):
            while 'emotion_stage_seconds_count{stage="decode"}' not in metrics:
                metrics = (await client.get("/metrics")).text
        process.ask_to_stop()
        answered = await asyncio.gather(*under_way)
        await process.ended()
    async with await process.start() as client:
        for detection in answered:
            assert await settled(client, detection["detection_id"]) == "done"


async def test_health_answers_while_large_photographs_are_in_work(process):
    large = as_jpeg(skimage.data.astronaut().repeat(4, axis=0).repeat(4, axis=1))
    async with await process.start() as client:
        uploads = [asyncio.create_task(detect(client, large)) for _ in range(8)]
        answered = 0
        while not all(upload.done() for upload in uploads):
            answer = await client.get("/healthz")
            assert answer.json() == {"status": "ok"}
            answered += 1
        assert answered > 0
        for detection in await asyncio.gather(*uploads):
            assert detection["image"] == {"width": 2048, "height": 2048}
