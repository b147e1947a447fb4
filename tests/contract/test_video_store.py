import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.filesystem import FileSystemVideoStore, ReceivingFolder
from adapters.in_memory import InMemoryVideoStore
from application.ports.video_store import VideoStore
from tests.samples import Fixture


def filesystem(fixture: Fixture) -> VideoStore:
    folder = fixture("tmp_path") / "videos"
    return FileSystemVideoStore(folder=folder, receiving=ReceivingFolder(folder / "receiving"))


STORES: dict[str, Callable[[Fixture], VideoStore]] = {
    "in-memory": lambda fixture: InMemoryVideoStore(),
    "filesystem": filesystem,
    "cloudinary": lambda fixture: fixture("cloudinary_video_store"),
}
LARGE = os.urandom(13_000_000)  # more than two upload parts


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> VideoStore:
    return STORES[request.param](request.getfixturevalue)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def sent(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


async def put(store: VideoStore, owner: str, video_id: UUID, data: bytes) -> None:
    async with store.received(sent(data)) as path:
        assert path.stat().st_size == len(data)
        await store.put(owner, video_id, path)


async def read(
    store: VideoStore, owner: str, video_id: UUID, start: int = 0, end: int | None = None
) -> bytes | None:
    part = await store.read(owner, video_id, start=start, end=end)
    if part is None:
        return None
    data = b"".join([chunk async for chunk in part.chunks])
    assert len(data) == part.end - part.start
    return data


async def test_a_file_comes_back_byte_for_byte(store: VideoStore) -> None:
    key = uuid4()
    await put(store, "alice", key, LARGE)
    assert await read(store, "alice", key) == LARGE
    async with store.local("alice", key) as path:
        assert path is not None
        assert path.read_bytes() == LARGE


async def test_any_part_can_be_read(store: VideoStore) -> None:
    key, data = uuid4(), bytes(range(256)) * 40
    await put(store, "alice", key, data)
    for start, end in ((0, 1), (5, 5000), (10_239, 10_240), (7, None), (0, 99_999)):
        part = await store.read("alice", key, start=start, end=end)
        assert part is not None
        assert part.size == len(data)
        assert await read(store, "alice", key, start, end) == data[start:end]
    assert await read(store, "alice", key, 99_999) == b""


async def test_a_file_put_again_replaces_the_first(store: VideoStore) -> None:
    key = uuid4()
    await put(store, "alice", key, b"first")
    await put(store, "alice", key, b"the second")
    assert await read(store, "alice", key) == b"the second"


async def test_a_received_file_that_was_not_put_is_removed(store: VideoStore) -> None:
    async with store.received(sent(b"not kept")) as path:
        assert path.read_bytes() == b"not kept"
    assert not path.exists()


async def test_an_unknown_file_is_none(store: VideoStore) -> None:
    assert await read(store, "alice", uuid4()) is None
    async with store.local("alice", uuid4()) as path:
        assert path is None


async def test_nobody_else_reads_or_deletes_a_file(store: VideoStore) -> None:
    key = uuid4()
    await put(store, "alice", key, b"hers")
    for other in ("bob", "Alice", "alice/", "../alice", ""):
        assert await read(store, other, key) is None
        await store.delete(other, key)
    assert await read(store, "alice", key) == b"hers"


async def test_a_deleted_file_is_gone_and_deleting_it_again_is_no_error(
    store: VideoStore, tmp_path: Path
) -> None:
    key = uuid4()
    await put(store, "alice", key, b"gone soon")
    await store.delete("alice", key)
    await store.delete("alice", key)
    assert await read(store, "alice", key) is None
    assert files_in(tmp_path) == []


async def test_only_the_user_of_the_process_can_read_the_files(tmp_path: Path) -> None:
    store = filesystem(lambda _: tmp_path)
    await put(store, "alice", uuid4(), b"private")
    (file,) = files_in(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "videos").stat().st_mode & 0o777 == 0o700


async def test_partly_received_files_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "videos" / "receiving" / "half a file"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    async with filesystem(lambda _: tmp_path).received(sent(b"new")):
        assert not left.exists()
