"""What survives a restart or a kill of the process, on each stack."""

import asyncio
import signal

import pytest
import skimage.data

from tests.e2e.calls import detect, history, settled
from tests.e2e.conftest import as_jpeg


async def test_acknowledged_detections_survive_a_kill(process, astronaut):
    await process.start()
    token = (await process.sign_in())["access_token"]
    async with process.client(token) as client:
        detection = await detect(client, astronaut)
        await process.kill()
    await process.start()
    async with process.client(token) as client:
        assert await settled(client, detection["detection_id"]) == "done"
        (listed,) = await history(client)
        assert listed["detection_id"] == detection["detection_id"]
        assert listed["detection_results"] == detection["detection_results"]
        assert (await client.get(listed["image_url"])).content == astronaut


async def test_sign_ins_and_quotas_survive_a_restart_and_no_token_is_logged(process, astronaut):
    await process.start()
    tokens = await process.sign_in()
    async with process.client() as guest:
        for _ in range(3):
            await detect(guest, astronaut)
        cookies = dict(guest.cookies)
    process.ask_to_stop()
    await process.ended()
    await process.start()
    async with process.client(tokens["access_token"]) as client:
        profile = (await client.get("/auth/profile")).json()
        assert profile["email"] == tokens["user"]["email"]
        renewed = await client.post(
            "/auth/refresh-token", json={"refresh_token": tokens["refresh_token"]}
        )
        assert renewed.status_code == 200
    async with process.client() as guest:
        guest.cookies.update(cookies)
        answer = await guest.post("/api/detect", files={"file": ("a.jpg", astronaut)})
        assert answer.status_code == 429
    assert '"/api/detect"' in process.log
    for name in ("id_token", "access_token", "refresh_token"):
        assert tokens[name] not in process.log
        assert renewed.json().get(name, "#token=") not in process.log


@pytest.fixture
def hangups_heard():
    """Child processes receive SIGHUP, even if the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


async def test_a_second_interrupt_refuses_what_is_in_work_and_still_ends_in_order(process):
    large = as_jpeg(skimage.data.astronaut().repeat(3, axis=0).repeat(3, axis=1))
    await process.start()
    token = (await process.sign_in())["access_token"]
    async with process.client(token) as client:
        files = {"file": ("a.jpg", large)}
        under_way = [
            asyncio.create_task(client.post("/api/detect", files=files)) for _ in range(24)
        ]
        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        process.ask_to_stop(signal.SIGINT)
        async with asyncio.timeout(20):
            while "Shutting down" not in process.log:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        process.ask_to_stop(signal.SIGINT)
        answers = await asyncio.gather(*under_way)
        await process.ended()
    acknowledged = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 200]
    assert set(refused) == {"overloaded"}
    await process.start()
    async with process.client(token) as client:
        for detection in acknowledged:
            assert await settled(client, detection["detection_id"]) == "done"


@pytest.mark.usefixtures("hangups_heard")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
async def test_accepted_requests_are_finished_before_shutdown(process, by):
    large = as_jpeg(skimage.data.astronaut().repeat(3, axis=0).repeat(3, axis=1))
    await process.start()
    token = (await process.sign_in())["access_token"]
    async with process.client(token) as client:
        under_way = [asyncio.create_task(detect(client, large)) for _ in range(4)]
        metrics = ""
        async with asyncio.timeout(120):
            while 'emotion_stage_seconds_count{stage="decode"}' not in metrics:
                metrics = (await client.get("/metrics")).text
        process.ask_to_stop(by)
        answered = await asyncio.gather(*under_way)
        await process.ended()
    await process.start()
    async with process.client(token) as client:
        for detection in answered:
            assert await settled(client, detection["detection_id"]) == "done"
