"""No acknowledged detection is lost when parts of the cloud stack fail."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.calls import history, settled, small_picture
from tests.e2e.cloud import FAULTS, FlakyCloud, flaky_cloud, recovered
from tests.e2e.service_process import ServiceProcess, serving
from tests.servers.cloudinary import CloudinaryDouble
from tests.servers.firebase import FirebaseEmulator

DURING_EACH = 14


@pytest.fixture
async def cloud(
    mongodb_uri: str, cloudinary: CloudinaryDouble, firebase: FirebaseEmulator
) -> AsyncIterator[FlakyCloud]:
    short = {f"{part}_TIMEOUT_S": "1" for part in ("MONGODB", "CLOUDINARY", "FIREBASE")}
    async with flaky_cloud(mongodb_uri, cloudinary, firebase, **short) as cloud:
        yield cloud


@pytest.fixture
async def process(tmp_path: Path, cloud: FlakyCloud) -> AsyncIterator[ServiceProcess]:
    async with serving(tmp_path, cloud.stack) as service:
        yield service


@pytest.fixture
async def client(process: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with await process.user() as client:
        yield client


class Upload:
    """Sends images and remembers those that the service acknowledged."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.acknowledged: dict[str, bytes] = {}

    async def send(self, count: int, during: str = "nothing") -> None:
        """Send this many, a few at a time."""
        slots = asyncio.Semaphore(4)

        async def one(number: int) -> None:
            async with slots:
                data = small_picture(number)
                answer = await self.client.post(
                    "/api/detect", files={"file": (f"{number}.png", data, "image/png")}
                )
                assert answer.status_code == 200, f"{during}: {answer.text}"
                self.acknowledged[answer.json()["detection_id"]] = data

        start = len(self.acknowledged)
        await asyncio.gather(*(one(start + number) for number in range(count)))

    async def statuses(self) -> list[str]:
        """The storage status of each detection."""
        answers = [
            await self.client.get(f"/api/detect/status/{each}") for each in self.acknowledged
        ]
        return [answer.json()["status"] for answer in answers]

    async def settled(self) -> None:
        """Wait until no detection is pending."""
        for detection_id in self.acknowledged:
            assert await settled(self.client, detection_id) == "done"


async def test_every_acknowledged_detection_is_stored_once_although_each_part_fails(
    cloud: FlakyCloud, process: ServiceProcess, client: httpx.AsyncClient
) -> None:
    account = await cloud.stack.id_token("late@example.com", process.folder)
    upload = Upload(client)
    await upload.send(200 - DURING_EACH * len(FAULTS))
    for name, begin in FAULTS.items():
        await recovered(client, name)
        begin(cloud)
        await upload.send(DURING_EACH, during=name)
        answer = await client.post("/auth/verify-token", json={"id_token": account})
        assert answer.status_code in {200, 503}, f"{name}: the token is good all the same"
        cloud.behave()

    assert len(upload.acknowledged) == 200
    await recovered(client, "MongoDB was down")
    await upload.settled()
    stored = await history(client)
    assert sorted(d["detection_id"] for d in stored) == sorted(upload.acknowledged)
    for detection in stored:
        answer = await client.get(detection["image_url"])
        assert answer.content == upload.acknowledged[detection["detection_id"]]
    assert len(cloud.images.images) == 200


async def test_the_status_of_waiting_detections_and_readiness_show_the_outage(
    cloud: FlakyCloud, client: httpx.AsyncClient
) -> None:
    up = (await client.get("/readyz")).json()
    assert up["services"] == dict.fromkeys(up["services"], "up")

    cloud.mongodb.stop()
    upload = Upload(client)
    await upload.send(10)
    assert set(await upload.statuses()) == {"pending"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["services"]["repository"]) == (503, "down")
    assert (await client.get("/api/history")).status_code == 503
    cloud.behave()
    await recovered(client, "MongoDB was down")
    await upload.settled()

    cloud.refuse(500)
    await upload.send(3)
    async with asyncio.timeout(60):
        while (ready := await client.get("/readyz")).json()["services"]["image_store"] == "up":
            pass
    assert ready.status_code == 200
    assert sorted(await upload.statuses()) == ["done"] * 10 + ["pending"] * 3
    cloud.behave()
    await upload.settled()


async def test_deleting_removes_record_and_image(
    cloud: FlakyCloud, client: httpx.AsyncClient
) -> None:
    upload = Upload(client)
    await upload.send(3)
    await upload.settled()
    detection_id = next(iter(upload.acknowledged))
    assert (await client.delete(f"/api/history/{detection_id}")).status_code == 204
    assert len(cloud.images.images) == 2
    assert (await client.delete("/api/history")).json() == {"deleted": 2}
    assert not cloud.images.images
