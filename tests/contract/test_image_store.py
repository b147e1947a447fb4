import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.filesystem import FileSystemImageStore
from adapters.in_memory import InMemoryImageStore
from application.ports.image_store import ImageStore, StoredImage
from tests.samples import Fixture

URL_PREFIX = "/api/images"
STORES: dict[str, Callable[[Fixture], ImageStore]] = {
    "in-memory": lambda fixture: InMemoryImageStore(url_prefix=URL_PREFIX),
    "filesystem": lambda fixture: FileSystemImageStore(
        folder=fixture("tmp_path") / "data" / "images", url_prefix=URL_PREFIX
    ),
    "cloudinary, public": lambda fixture: fixture("public_cloudinary_store"),
    "cloudinary, authenticated": lambda fixture: fixture("authenticated_cloudinary_store"),
}
JPEG = StoredImage(b"\xff\xd8 a jpeg \x00\n", "image/jpeg")
PNG = StoredImage(b"\x89PNG", "image/png")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> ImageStore:
    return STORES[request.param](request.getfixturevalue)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "bmp"])
async def test_an_image_comes_back_byte_for_byte(store: ImageStore, kind: str) -> None:
    key, image = uuid4(), StoredImage(bytes(range(256)), f"image/{kind}")
    url = await store.put("alice", key, image)
    assert str(key) in url
    assert await store.get("alice", key) == image


async def test_an_image_put_again_replaces_the_first_under_the_same_url(store: ImageStore) -> None:
    key = uuid4()
    first_url = await store.put("alice", key, JPEG)
    assert await store.put("alice", key, PNG) == first_url
    assert await store.get("alice", key) == PNG
    assert await store.put("alice", key, JPEG) == first_url
    assert await store.get("alice", key) == JPEG


async def test_an_unknown_image_is_none(store: ImageStore) -> None:
    await store.put("alice", uuid4(), JPEG)
    assert await store.get("alice", uuid4()) is None
    assert await store.get("bob", uuid4()) is None


async def test_nobody_else_reads_or_deletes_an_image(store: ImageStore) -> None:
    key = uuid4()
    await store.put("alice", key, JPEG)
    for other in ("bob", "Alice", "alice/", "../alice", ""):
        assert await store.get(other, key) is None
        await store.delete(other, key)
    assert await store.get("alice", key) == JPEG


async def test_a_deleted_image_is_gone_and_deleting_it_again_is_no_error(
    store: ImageStore,
) -> None:
    key = uuid4()
    await store.put("alice", key, JPEG)
    await store.delete("alice", key)
    await store.delete("alice", key)
    assert await store.get("alice", key) is None


@pytest.mark.parametrize(
    "owner", ["../../outside", "/etc", "..", ".", "", "a/b", "nul\x00", "x" * 5000, "\udce9", "Ü😀"]
)
async def test_no_owner_name_leads_out_of_the_store(
    store: ImageStore, owner: str, tmp_path: Path
) -> None:
    key = uuid4()
    await store.put(owner, key, JPEG)
    assert await store.get(owner, key) == JPEG
    assert all(path.is_relative_to(tmp_path / "data" / "images") for path in files_in(tmp_path))
    await store.delete(owner, key)
    assert await store.get(owner, key) is None


async def test_concurrent_calls_do_not_mix_images(store: ImageStore) -> None:
    keys = [uuid4() for _ in range(20)]
    images = {key: StoredImage(key.bytes * 1000, "image/png") for key in keys}
    await asyncio.gather(*(store.put("alice", key, images[key]) for key in keys for _ in range(3)))
    found = await asyncio.gather(*(store.get("alice", key) for key in keys))
    assert found == list(images.values())


async def test_a_working_store_passes_its_check(store: ImageStore) -> None:
    await store.check()
