"""Twenty kills during the work, on the cloud stack."""

import asyncio
import itertools
import random
from pathlib import Path

import httpx

from tests.e2e.calls import history, settled, small_picture
from tests.e2e.quick_start import QuickStart
from tests.e2e.stacks import CloudStack
from tests.servers.cloudinary import CloudinaryDouble
from tests.servers.firebase import FirebaseEmulator

KILLS = 20
SEED = 2508


class Moments:
    """Counts events, and waits for the next few."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()

    def happened(self) -> None:
        self._count += 1
        self._changed.set()

    async def more(self, count: int) -> None:
        wanted = self._count + count
        async with asyncio.timeout(120):
            while self._count < wanted:
                self._changed.clear()
                await self._changed.wait()


async def test_twenty_kills_neither_lose_nor_duplicate_anything(
    tmp_path: Path, mongodb_uri: str, cloudinary: CloudinaryDouble, firebase: FirebaseEmulator
) -> None:
    chance = random.Random(SEED)
    numbers = itertools.count()
    acknowledged: dict[str, bytes] = {}
    moments = Moments()
    cloudinary.on_upload = moments.happened

    async def send(client: httpx.AsyncClient) -> None:
        """Send one image after the other until the service is gone."""
        while True:
            number = next(numbers)
            picture = small_picture(number)
            try:
                answer = await client.post(
                    "/api/detect", files={"file": (f"{number}.png", picture, "image/png")}
                )
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            acknowledged[answer.json()["detection_id"]] = picture
            moments.happened()

    stack = CloudStack(mongodb_uri, cloudinary.url, firebase, firebase.host)
    service = QuickStart(tmp_path, stack)
    await service.start()
    try:
        token = (await service.sign_in())["access_token"]
        for _ in range(KILLS):
            async with service.client(token) as client, asyncio.TaskGroup() as senders:
                for _ in range(3):
                    senders.create_task(send(client))
                await moments.more(chance.randrange(1, 24))
                await service.kill()
            await service.start()
        async with service.client(token) as client:
            for detection_id in acknowledged:
                assert await settled(client, detection_id) == "done"
            # Some were accepted and not acknowledged before the kill.
            for detection in await history(client):
                assert await settled(client, detection["detection_id"]) == "done"
            records = {each["detection_id"]: each for each in await history(client)}
            assert acknowledged.keys() <= records.keys()
            sent = [each["filename"] for each in records.values()]
            assert len(sent) == len(set(sent)), "no picture has two records"
            for detection_id, picture in acknowledged.items():
                stored = await client.get(records[detection_id]["image_url"])
                assert stored.content == picture
            assert sorted(name.rpartition("/")[2] for _, name in cloudinary.images) == sorted(
                records
            )
    finally:
        await service.close()
    assert len(acknowledged) > KILLS, "the kills met work"
