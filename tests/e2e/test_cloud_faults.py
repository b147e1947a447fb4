"""Nothing that was acknowledged is lost, whatever the cloud does meanwhile."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.cloud import CloudService, running_cloud_service
from tests.servers.cloudinary import CloudinaryDouble
from tests.servers.firebase import FirebaseEmulator
from tests.servers.flaky import flaky_proxy


@pytest.fixture
async def cloud(
    tmp_path: Path,
    mongodb_uri: str,
    mongodb_name: str,
    cloudinary: CloudinaryDouble,
    firebase: FirebaseEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[CloudService]:
    async with flaky_proxy(firebase.host) as proxy:
        monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", proxy.address)
        async with running_cloud_service(
            data_dir=tmp_path,
            mongodb_uri=mongodb_uri,
            mongodb_name=mongodb_name,
            cloudinary=cloudinary,
            emulator=firebase,
            firebase=proxy,
        ) as service:
            yield service


def photograph(number: int) -> bytes:
    """A small picture like no other."""
    file = io.BytesIO()
    Image.new("RGB", (96, 96), (number % 256, 80, 120)).save(file, "PNG")
    return file.getvalue()


class Upload:
    """Sends photographs and remembers what the service acknowledged."""

    def __init__(self, cloud: CloudService) -> None:
        self.cloud = cloud
        self.acknowledged: dict[str, bytes] = {}

    async def send(self, count: int) -> None:
        """Send some, a few at a time."""
        places = asyncio.Semaphore(4)

        async def one(number: int) -> None:
            async with places:
                data = photograph(number)
                answer = await self.cloud.client.post(
                    "/api/detect", files={"file": (f"{number}.png", data, "image/png")}
                )
                assert answer.status_code == 200, answer.text
                self.acknowledged[answer.json()["detection_id"]] = data

        start = len(self.acknowledged)
        await asyncio.gather(*(one(start + number) for number in range(count)))

    async def settled(self) -> None:
        """Wait until nothing waits any more."""
        spool = self.cloud.container.spool()
        async with asyncio.timeout(120):
            while await spool.waiting():  # noqa: ASYNC110 - a spool announces nothing
                await asyncio.sleep(0.2)


async def test_every_acknowledged_detection_is_stored_once_though_everything_fails_in_turn(
    cloud: CloudService,
) -> None:
    await cloud.sign_in()
    upload = Upload(cloud)
    await upload.send(20)

    cloud.mongodb.stop()
    await upload.send(25)
    cloud.mongodb.behave()
    cloud.cloudinary.refusal = 500
    await upload.send(25)
    cloud.cloudinary.behave()
    cloud.mongodb.fall_silent()
    await upload.send(25)
    cloud.mongodb.behave()
    cloud.cloudinary.hold()
    await upload.send(25)
    cloud.cloudinary.behave()
    cloud.cloudinary.breaks_off = True
    await upload.send(25)
    cloud.cloudinary.behave()
    cloud.firebase.stop()
    await upload.send(25)
    cloud.firebase.behave()
    for _ in range(6):
        cloud.mongodb.break_once()
        await upload.send(5)

    assert len(upload.acknowledged) == 200
    await upload.settled()
    stored = []
    for skip in (0, 100):
        stored += (
            await cloud.client.get("/api/history", params={"skip": skip, "limit": 100})
        ).json()
    assert sorted(d["detection_id"] for d in stored) == sorted(upload.acknowledged)
    for detection in stored:
        answer = await cloud.client.get(detection["image_url"])
        assert answer.content == upload.acknowledged[detection["detection_id"]]
    assert len(cloud.cloudinary.images) == 200


async def test_what_waits_is_said_and_readiness_names_what_is_down(cloud: CloudService) -> None:
    await cloud.sign_in()
    up = (await cloud.client.get("/readyz")).json()
    assert up["services"] == dict.fromkeys(up["services"], "up")

    cloud.mongodb.stop()
    upload = Upload(cloud)
    await upload.send(10)
    assert set(await statuses(cloud, upload)) == {"pending"}
    ready = await cloud.client.get("/readyz")
    assert (ready.status_code, ready.json()["services"]["repository"]) == (503, "down")
    assert (await cloud.client.get("/api/history")).status_code == 503
    cloud.mongodb.behave()
    await upload.settled()

    cloud.cloudinary.refusal = 500
    await upload.send(3)
    ready = await cloud.client.get("/readyz")
    async with asyncio.timeout(60):
        while (ready := await cloud.client.get("/readyz")).json()["services"][
            "image_store"
        ] == "up":
            pass
    assert sorted(await statuses(cloud, upload)) == ["done"] * 10 + ["pending"] * 3
    cloud.cloudinary.behave()
    await upload.settled()
    assert set(await statuses(cloud, upload)) == {"done"}


async def statuses(cloud: CloudService, upload: Upload) -> list[str]:
    """What the service says of each detection."""
    answers = [
        await cloud.client.get(f"/api/detect/status/{detection_id}")
        for detection_id in upload.acknowledged
    ]
    return [answer.json()["status"] for answer in answers]


async def test_a_deletion_takes_record_and_image_with_it(cloud: CloudService) -> None:
    await cloud.sign_in()
    upload = Upload(cloud)
    await upload.send(3)
    await upload.settled()
    detection_id = next(iter(upload.acknowledged))
    assert (await cloud.client.delete(f"/api/history/{detection_id}")).status_code == 204
    assert len(cloud.cloudinary.images) == 2
    assert (await cloud.client.delete("/api/history")).json() == {"deleted": 2}
    assert not cloud.cloudinary.images
