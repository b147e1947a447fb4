"""The stores in folders: files, permissions, crashes."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.filesystem import FileSystemDetectionSpool, FileSystemImageStore
from adapters.filesystem.disk import on_disk
from application.errors import StoreUnavailable
from application.ports.detection_spool import SpooledDetection
from application.ports.image_store import StoredImage
from tests.integration.killing import run_until_killed
from tests.samples import NOON, make_detection

MAX_BYTES = 1_000_000
JPEG = StoredImage(b"\xff\xd8 picture", "image/jpeg")

KILLED_RIGHT_AFTER_KEEPING = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from adapters.filesystem import FileSystemDetectionSpool, FileSystemImageStore
from application.ports.detection_spool import SpooledDetection
from application.ports.image_store import StoredImage
from tests.samples import make_detection

async def main() -> None:
    folder = Path(sys.argv[1])
    spool = FileSystemDetectionSpool(folder=folder / "spool", max_bytes=1_000_000)
    images = FileSystemImageStore(folder=folder / "images", url_prefix="/api/images")
    for number in range(1, 21):
        image = StoredImage(bytes([number]) * 5000, "image/png")
        detection = make_detection(detection_id=UUID(int=number))
        await spool.put(SpooledDetection(detection, image))
        await images.put("alice", detection.detection_id, image)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def open_spool(folder: Path) -> FileSystemDetectionSpool:
    return FileSystemDetectionSpool(folder=folder, max_bytes=MAX_BYTES)


def entry(user_id: str = "alice") -> SpooledDetection:
    return SpooledDetection(make_detection(user_id=user_id), JPEG)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_stored_images_survive_a_kill_right_after(tmp_path: Path) -> None:
    await asyncio.to_thread(run_until_killed, KILLED_RIGHT_AFTER_KEEPING, tmp_path)
    spool = open_spool(tmp_path / "spool")
    images = FileSystemImageStore(folder=tmp_path / "images", url_prefix="/api/images")
    waiting = await spool.waiting("alice")
    assert [key.int for key in waiting] == list(range(1, 21)), "the oldest first"
    for key in waiting:
        image = StoredImage(bytes([key.int]) * 5000, "image/png")
        found = await spool.get(key)
        assert found is not None
        assert found.image == image
        assert await images.get("alice", key) == image


async def test_a_new_spool_finds_the_entries_of_the_old_one(tmp_path: Path) -> None:
    old, first, second = open_spool(tmp_path), entry("alice"), entry("bob")
    await old.put(first)
    await old.put(second)
    key = first.detection.detection_id
    new = open_spool(tmp_path)
    assert await new.get(key) == first
    assert await new.owner(second.detection.detection_id) == "bob"
    assert list(await new.waiting("alice")) == [key]
    assert await new.remove(key)
    assert list(await open_spool(tmp_path).waiting()) == [second.detection.detection_id]


async def test_entries_of_an_earlier_run_count_against_the_limit(tmp_path: Path) -> None:
    large = SpooledDetection(make_detection(), StoredImage(bytes(MAX_BYTES // 2), "image/png"))
    await open_spool(tmp_path).put(large)
    with pytest.raises(StoreUnavailable, match="full"):
        await open_spool(tmp_path).put(SpooledDetection(make_detection(), large.image))


async def test_an_entry_that_is_put_again_is_counted_once(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    image = StoredImage(bytes(MAX_BYTES // 3), "image/png")
    again = SpooledDetection(make_detection(), image)
    for _ in range(5):
        await spool.put(again)
    await spool.put(SpooledDetection(make_detection(), image))
    assert len(await spool.waiting()) == 2


@pytest.mark.parametrize(
    "damage", ["cut in the image", "cut in the head", "emptied", "overwritten"]
)
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_damaged_entry_is_reported_once_and_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str, restarted: bool
) -> None:
    spool, waiting, sound = open_spool(tmp_path), entry(), entry()
    key = waiting.detection.detection_id
    await spool.put(waiting)
    await spool.put(sound)

    def harm() -> None:
        path = tmp_path / f"{key}.detection"
        whole = path.read_bytes()
        left = {
            "cut in the image": whole[:-3],
            "cut in the head": whole[:30],
            "emptied": b"",
            "overwritten": b"\xff" * len(whole),
        }
        path.write_bytes(left[damage])

    await asyncio.to_thread(harm)
    if restarted:
        spool = open_spool(tmp_path)
    # It has to be listed as waiting, otherwise its loss would not be noticed.
    assert key in await spool.waiting()
    assert await spool.get(key) is None
    assert "is lost" in caplog.text
    assert str(key) in caplog.text
    assert list(await spool.waiting()) == [sound.detection.detection_id]
    assert [path.stem for path in await asyncio.to_thread(files_in, tmp_path)] == [
        str(sound.detection.detection_id)
    ]


async def test_unfinished_files_of_a_crash_are_removed(tmp_path: Path) -> None:
    waiting = entry()
    await open_spool(tmp_path).put(waiting)
    left = tmp_path / f"{uuid4()}-7.part"
    await asyncio.to_thread(left.write_bytes, b"half an entry")
    spool = open_spool(tmp_path)
    assert list(await spool.waiting()) == [waiting.detection.detection_id]
    assert left not in await asyncio.to_thread(files_in, tmp_path)


async def test_foreign_files_in_the_spool_are_left_alone(tmp_path: Path) -> None:
    strange = tmp_path / "notes.detection"
    await asyncio.to_thread(strange.write_text, "from the operator")
    spool = open_spool(tmp_path)
    assert list(await spool.waiting()) == []
    assert strange in await asyncio.to_thread(files_in, tmp_path)


async def test_an_image_left_unfinished_by_a_crash_is_neither_served_nor_kept(
    tmp_path: Path,
) -> None:
    store = FileSystemImageStore(folder=tmp_path, url_prefix="/api/images")
    key = uuid4()
    await store.put("alice", key, JPEG)

    def crash() -> None:
        (whole,) = files_in(tmp_path)
        whole.rename(whole.with_suffix(".part"))

    await asyncio.to_thread(crash)
    assert await store.get("alice", key) is None
    await store.put("alice", key, JPEG)
    assert len(await asyncio.to_thread(files_in, tmp_path)) == 1
    await asyncio.to_thread(crash)
    await store.delete("alice", key)
    assert await asyncio.to_thread(files_in, tmp_path) == []


async def test_the_folders_are_closed_to_other_users(tmp_path: Path) -> None:
    store = FileSystemImageStore(folder=tmp_path / "images", url_prefix="/api/images")
    await store.put("alice", uuid4(), JPEG)
    await open_spool(tmp_path / "spool").put(entry())

    def modes() -> list[int]:
        files = files_in(tmp_path)
        assert len(files) == 2
        folders = {file.parent for file in files} | {tmp_path / "images"}
        return [mode_of(folder) for folder in folders]

    assert await asyncio.to_thread(modes) == [0o700] * 3


async def test_the_name_of_an_image_does_not_reveal_its_owner(tmp_path: Path) -> None:
    store = FileSystemImageStore(folder=tmp_path, url_prefix="/api/images")
    await store.put("local:alice@example.com", uuid4(), JPEG)
    (path,) = await asyncio.to_thread(files_in, tmp_path)
    assert "alice" not in str(path.relative_to(tmp_path))
    assert path.suffix == ".jpg", "any viewer opens it"


async def test_an_unknown_media_type_is_refused(tmp_path: Path) -> None:
    store = FileSystemImageStore(folder=tmp_path, url_prefix="/api/images")
    with pytest.raises(ValueError, match="svg"):
        await store.put("alice", uuid4(), StoredImage(b"<svg/>", "image/svg+xml"))


CALLS: dict[str, Callable[[Path], Awaitable[object]]] = {
    "put an image": lambda folder: FileSystemImageStore(folder=folder, url_prefix="/").put(
        "alice", uuid4(), JPEG
    ),
    "get an image": lambda folder: FileSystemImageStore(folder=folder, url_prefix="/").get(
        "alice", uuid4()
    ),
    "delete an image": lambda folder: FileSystemImageStore(folder=folder, url_prefix="/").delete(
        "alice", uuid4()
    ),
    "check the images": lambda folder: FileSystemImageStore(folder=folder, url_prefix="/").check(),
    "put an entry": lambda folder: open_spool(folder).put(entry()),
    "get an entry": lambda folder: open_spool(folder).get(uuid4()),
    "ask for an owner": lambda folder: open_spool(folder).owner(uuid4()),
    "ask who waits": lambda folder: open_spool(folder).waiting(),
    "remove an entry": lambda folder: open_spool(folder).remove(uuid4()),
}


@pytest.mark.parametrize("call", CALLS)
async def test_an_unusable_folder_raises_store_unavailable(tmp_path: Path, call: str) -> None:
    # Root ignores the mode of a folder, but not a file in place of it.
    in_the_way = tmp_path / "data"
    await asyncio.to_thread(in_the_way.write_bytes, b"a file")
    with pytest.raises(StoreUnavailable) as caught:
        await CALLS[call](in_the_way / "folder")
    assert str(tmp_path) not in str(caught.value), "paths are not for the caller"


async def test_a_full_disk_is_named() -> None:
    full = await asyncio.to_thread(Path("/dev/full").open, "wb", buffering=0)
    with full, pytest.raises(StoreUnavailable, match="cannot be used: its disk is full"):
        await on_disk("the folder", full.write, b"a")


async def test_a_failed_write_gives_its_room_back(tmp_path: Path) -> None:
    spool, folder = open_spool(tmp_path / "spool"), tmp_path / "spool"
    await spool.put(entry())
    await asyncio.to_thread(folder.rename, tmp_path / "away")
    large = SpooledDetection(make_detection(), StoredImage(bytes(MAX_BYTES // 2), "image/png"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            await spool.put(large)
    await asyncio.to_thread((tmp_path / "away").rename, folder)
    await spool.put(large)
    assert await spool.get(large.detection.detection_id) == large


async def test_entries_are_ordered_by_arrival_and_not_by_timestamp(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    entries = [
        SpooledDetection(make_detection(timestamp=NOON - timedelta(days=n)), JPEG) for n in range(3)
    ]
    for n, waiting in enumerate(entries):
        await spool.put(waiting)
        path = tmp_path / f"{waiting.detection.detection_id}.detection"
        await asyncio.to_thread(os.utime, path, ns=(n, n))
    expected = [waiting.detection.detection_id for waiting in entries]
    assert list(await spool.waiting()) == expected
    assert list(await open_spool(tmp_path).waiting()) == expected


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_images_are_readable_by_the_service_only_under_any_umask(
    tmp_path: Path, umask: int
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "images").mkdir()
    spool = open_spool(tmp_path / "spool")
    images = FileSystemImageStore(folder=tmp_path / "images", url_prefix="/api/images")
    detection = make_detection()
    owners_folder = await asyncio.to_thread(_folder_of, images, tmp_path)
    before = os.umask(umask)
    try:
        await spool.put(SpooledDetection(detection, JPEG))
        await images.put("alice", detection.detection_id, JPEG)
    finally:
        os.umask(before)
    assert owners_folder.is_dir()
    kept = files_in(tmp_path)
    assert len(kept) == 2
    assert {mode_of(path) for path in kept} == {0o600}


def _folder_of(images: FileSystemImageStore, root: Path) -> Path:
    """Make the owner's folder beforehand; a folder without permissions takes no file."""
    asyncio.run(images.put("alice", uuid4(), JPEG))
    [image] = files_in(root / "images")
    image.unlink()
    return image.parent


async def test_the_age_of_entries_survives_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    before = FileSystemDetectionSpool(folder=folder, max_bytes=MAX_BYTES)
    await before.put(SpooledDetection(make_detection(user_id="alice"), JPEG))
    (file,) = folder.glob("*.detection")
    written_s = file.stat().st_mtime - 3600
    os.utime(file, (written_s, written_s))
    after = FileSystemDetectionSpool(folder=folder, max_bytes=MAX_BYTES)
    await after.waiting()
    assert after.backlog().oldest_s >= 3600
