"""The whole service on each stack: a real process, a real photo, the real model."""

import asyncio
import csv
import io
import json

import pytest
import skimage.data

from tests.e2e.calls import detect, history, settled, small_picture
from tests.e2e.conftest import as_jpeg


async def test_a_smiling_face_is_found_read_stored_and_served(service, astronaut):
    async with await service.user() as client, service.client() as guest:
        detection = await detect(client, astronaut)
        assert detection["image"] == {"width": 512, "height": 512}
        face = detection["detection_results"]["faces"][0]
        x, y, width, height = face["box"]
        assert x < 224 < x + width  # Eileen Collins's nose is at about (224, 112)
        assert y < 112 < y + height
        assert face["dominant_emotion"] == "happy"

        assert await settled(client, detection["detection_id"]) == "done"
        (listed,) = await history(client)
        assert listed["detection_results"] == detection["detection_results"]
        image = await client.get(listed["image_url"])
        assert image.content == astronaut
        assert image.headers["Content-Type"] == "image/jpeg"
        pictures = listed["pictures"]
        # Only Cloudinary makes thumbnails, at signed addresses.
        assert (pictures is None) == listed["image_url"].startswith(service.url)
        for url in [pictures["thumbnail"], *pictures["faces"]] if pictures else []:
            assert (await client.get(url)).status_code == 200
        of_the_service = f"/api/images/{detection['detection_id']}"
        assert (await client.get(of_the_service)).content == astronaut
        assert (await guest.get(of_the_service)).status_code == 401


async def test_a_batch_is_answered_file_by_file_searched_exported_and_erased(service, astronaut):
    files = [
        ("files", ("happy.jpg", astronaut)),
        ("files", ("broken.jpg", astronaut[:1000])),
        ("files", ("nobody.png", small_picture(1))),
    ]
    async with await service.user() as client:
        answer = await client.post("/api/detect/batch", files=files)
        events = [
            json.loads(line.removeprefix("data:"))
            for line in answer.text.splitlines()
            if line.startswith("data:")
        ]
        outcomes = {event["filename"]: event["status"] for event in events}
        assert outcomes == {
            "happy.jpg": "completed",
            "broken.jpg": "error",
            "nobody.png": "completed",
        }
        for event in events:
            if event["status"] == "completed":
                assert await settled(client, event["detection_id"]) == "done"

        for search in ({"emotion": "happy"}, {"keyword": "HAPPY"}, {"keyword": "appy.j"}):
            (found,) = (await client.get("/api/history", params=search)).json()
            assert found["filename"] == "happy.jpg"
        exported = await client.get("/api/history/export", params={"format": "csv"})
        rows = list(csv.DictReader(io.StringIO(exported.text)))
        assert {row["filename"] for row in rows} == {"happy.jpg", "nobody.png"}

        assert (await client.delete("/api/history")).json() == {"deleted": 2}
        assert await history(client) == []
        assert (await client.get(f"/api/images/{found['detection_id']}")).status_code == 404


async def test_records_of_other_users_can_be_neither_read_nor_erased(service):
    async with await service.user() as alice, await service.user() as bob:
        detection_id = (await detect(alice, small_picture(2)))["detection_id"]
        assert await settled(alice, detection_id) == "done"
        assert (await bob.get(f"/api/history/{detection_id}")).status_code == 403
        assert (await bob.get(f"/api/images/{detection_id}")).status_code == 404
        assert (await bob.delete(f"/api/history/{detection_id}")).status_code == 403
        assert (await bob.delete("/api/history")).json() == {"deleted": 0}
        assert await history(bob) == []
        assert (await alice.delete(f"/api/history/{detection_id}")).status_code == 204
        assert (await alice.get(f"/api/history/{detection_id}")).status_code == 404


async def test_a_reused_refresh_token_ends_its_sign_in(service):
    first = (await service.sign_in())["refresh_token"]
    async with service.client() as client:

        async def renew(token):
            return await client.post("/auth/refresh-token", json={"refresh_token": token})

        second = (await renew(first)).json()["refresh_token"]
        third = (await renew(second)).json()["refresh_token"]
        assert (await renew(first)).status_code == 401
        assert (await renew(third)).status_code == 401


async def test_a_user_who_resets_the_sign_ins_has_to_sign_in_again(service):
    signed_in = await service.sign_in()
    async with service.client(signed_in["access_token"]) as client:
        assert (await client.get("/auth/usage")).json()["is_guest"] is False
        assert (await client.post("/auth/refresh-token/reset")).status_code == 200
        renewed = await client.post(
            "/auth/refresh-token", json={"refresh_token": signed_in["refresh_token"]}
        )
        assert renewed.status_code == 401


async def test_health_answers_while_large_images_are_in_work(service):
    large = as_jpeg(skimage.data.astronaut().repeat(3, axis=0).repeat(3, axis=1))
    async with await service.user() as client:
        uploads = [asyncio.create_task(detect(client, large)) for _ in range(4)]
        answered = 0
        while not all(upload.done() for upload in uploads):
            answer = await client.get("/healthz")
            assert answer.json() == {"status": "ok"}
            answered += 1
        assert answered > 0
        for detection in await asyncio.gather(*uploads):
            assert detection["image"] == {"width": 1536, "height": 1536}


async def test_readiness_names_every_part_of_the_stack(service):
    async with service.client() as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        states = ready.json()["services"]
        assert {"repository", "image_store", "identity_provider"} <= set(states)
        assert set(states.values()) == {"up"}


@pytest.mark.parametrize("token", ["forged", "e30.e30.e30"])
async def test_an_unsigned_token_is_refused(service, token):
    async with service.client(token) as client:
        assert (await client.get("/api/history")).status_code == 401
        forged = await client.post("/auth/verify-token", json={"id_token": token})
        assert forged.status_code == 401
