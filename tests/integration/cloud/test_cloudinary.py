"""Failures of Cloudinary, and what its addresses reveal."""

from uuid import uuid4

import httpx
import pytest

from adapters.circuit_breaker import CircuitBreaker
from adapters.cloudinary import CloudinaryUrls
from application.errors import StoreCircuitOpen, StoreUnavailable
from application.ports.image_store import StoredImage
from domain.geometry import BoundingBox
from tests.servers.cloudinary import CloudinaryDouble, image_store_at

JPEG = StoredImage(b"\xff\xd8 a jpeg", "image/jpeg")


@pytest.mark.parametrize("status", [400, 401, 403, 420, 429, 500, 502, 503])
async def test_a_refusal_raises_store_unavailable_until_its_cause_is_gone(
    cloudinary: CloudinaryDouble, status: int
) -> None:
    store, key = image_store_at(cloudinary), uuid4()
    cloudinary.refusal = status
    for call in (store.put("alice", key, JPEG), store.delete("alice", key)):
        with pytest.raises(StoreUnavailable):
            await call
    cloudinary.behave()
    again = image_store_at(cloudinary)
    await again.put("alice", key, JPEG)
    assert await again.get("alice", key) == JPEG


@pytest.mark.parametrize("status", [401, 420, 500, 502])
async def test_a_store_that_refuses_a_ping_fails_its_check(
    cloudinary: CloudinaryDouble, status: int
) -> None:
    cloudinary.refusal = status
    with pytest.raises(StoreUnavailable):
        await image_store_at(cloudinary).check()


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"null", b'{"message": "bad gateway"}', b'{"error": "no"}', b"<html>", b""],
)
async def test_an_unexpected_answer_is_not_a_success(
    cloudinary: CloudinaryDouble, status: int, body: bytes
) -> None:
    store, key = image_store_at(cloudinary), uuid4()
    cloudinary.nonsense = (status, body)
    for call in (
        store.put("alice", key, JPEG),
        store.get("alice", key),
        store.delete("alice", key),
    ):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_file_larger_than_any_image_is_not_read_into_memory(
    cloudinary: CloudinaryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, key = image_store_at(cloudinary), uuid4()
    await store.put("alice", key, JPEG)
    monkeypatch.setattr("adapters.cloudinary.image_store._MAX_IMAGE_BYTES", len(JPEG.data) - 1)
    with pytest.raises(StoreUnavailable):
        await store.get("alice", key)
    monkeypatch.setattr("adapters.cloudinary.image_store._MAX_IMAGE_BYTES", len(JPEG.data))
    assert await store.get("alice", key) == JPEG


async def test_a_broken_connection_is_reported_and_the_upload_can_be_repeated(
    cloudinary: CloudinaryDouble,
) -> None:
    store, key = image_store_at(cloudinary), uuid4()
    cloudinary.breaks_off = True
    with pytest.raises(StoreUnavailable):
        await store.put("alice", key, JPEG)
    cloudinary.behave()
    url = await store.put("alice", key, JPEG)
    assert await store.put("alice", key, JPEG) == url
    assert len(cloudinary.images) == 1


async def test_a_silent_store_fails_after_the_timeout(
    cloudinary: CloudinaryDouble,
) -> None:
    store = image_store_at(cloudinary, timeout_s=0.1)
    cloudinary.hold()
    with pytest.raises(StoreUnavailable):
        await store.put("alice", uuid4(), JPEG)
    with pytest.raises(StoreUnavailable):
        await store.get("alice", uuid4())


async def test_a_wrong_secret_stores_nothing(cloudinary: CloudinaryDouble) -> None:
    store = image_store_at(cloudinary, api_secret="guessed")
    with pytest.raises(StoreUnavailable):
        await store.put("alice", uuid4(), JPEG)
    assert not cloudinary.images


async def test_a_store_that_is_down_is_not_called_during_the_pause(
    cloudinary: CloudinaryDouble,
) -> None:
    store = image_store_at(cloudinary, breaker=CircuitBreaker("Cloudinary", pause_s=3600))
    cloudinary.refusal = 500
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await store.put("alice", uuid4(), JPEG)
    cloudinary.behave()
    with pytest.raises(StoreCircuitOpen) as refused:
        await store.put("alice", uuid4(), JPEG)
    assert refused.value.retry_after_s > 3000
    assert not cloudinary.uploads
    with pytest.raises(StoreUnavailable):
        await store.check()


async def test_a_refused_image_does_not_block_others(
    cloudinary: CloudinaryDouble,
) -> None:
    store = image_store_at(cloudinary, breaker=CircuitBreaker("Cloudinary", pause_s=3600))
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await store.put("alice", uuid4(), StoredImage(b"", "image/jpeg"))
    await store.put("alice", uuid4(), JPEG)


async def test_frequent_readiness_checks_cost_one_call_per_minute(
    cloudinary: CloudinaryDouble,
) -> None:
    store = image_store_at(cloudinary)
    for _ in range(5):
        await store.check()
    assert cloudinary.pings == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_of_the_account_is_called_so(
    cloudinary: CloudinaryDouble, status: int
) -> None:
    cloudinary.refusal = status
    with pytest.raises(StoreUnavailable, match="refuses the key of the account"):
        await image_store_at(cloudinary).check()


async def test_an_authenticated_image_opens_only_by_its_signed_address(
    cloudinary: CloudinaryDouble,
) -> None:
    store = image_store_at(cloudinary, is_authenticated=True)
    url = await store.put("alice", uuid4(), JPEG)
    folder, _, signature_and_rest = url.partition("/s--")
    unsigned = f"{folder}/{signature_and_rest.partition('--/')[2]}"
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).content == JPEG.data
        assert (await client.get(unsigned)).status_code == 401


async def test_the_store_serves_the_addresses_of_thumbnails_and_face_crops(
    cloudinary: CloudinaryDouble,
) -> None:
    urls = CloudinaryUrls(
        cloud_name="demo",
        api_secret="not-the-real-secret",
        folder="emotions",
        is_authenticated=True,
        delivery_url=cloudinary.url,
    )
    key = uuid4()
    await image_store_at(cloudinary).put("alice", key, JPEG)
    thumbnail = urls.thumbnail("alice", key)
    crop = urls.face_crop("alice", key, BoundingBox(10, 20, 30, 40))
    assert "/c_thumb,g_face,h_240,w_320/" in thumbnail
    assert "/c_crop,h_40,w_30,x_10,y_20/c_fill,h_160,w_160/" in crop
    async with httpx.AsyncClient() as client:
        assert (await client.get(thumbnail)).status_code == 200
        assert (await client.get(crop)).status_code == 200


async def test_an_address_does_not_reveal_the_user(cloudinary: CloudinaryDouble) -> None:
    url = await image_store_at(cloudinary).put("alice@example.com", uuid4(), JPEG)
    assert "alice" not in url
