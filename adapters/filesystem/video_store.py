"""Video files in a folder, one subfolder per owner."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from adapters.filesystem.disk import folder_of, make_private, on_disk, open_private
from application.ports.video_store import VideoPart
from application.work.cancellation import uninterrupted

_FOLDER = "the folder for videos"

_CHUNK_BYTES = 2**17


class ReceivingFolder:
    """A folder for temporary files; files that an earlier run left in it are removed.

    Args:
        folder: created with the first file, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_clean = False

    @asynccontextmanager
    async def received(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Path]:
        """Write the chunks into a file, which exists for the length of a block.

        Raises:
            StoreUnavailable: there is no room on the disk.
        """
        path = self._folder / uuid4().hex
        try:
            file = await on_disk(_FOLDER, self._open, path)
            try:
                async for chunk in chunks:
                    await on_disk(_FOLDER, file.write, chunk)
                await on_disk(_FOLDER, _sync, file)
            finally:
                await uninterrupted(on_disk(_FOLDER, file.close))
            yield path
        finally:
            await uninterrupted(on_disk(_FOLDER, path.unlink, missing_ok=True))

    def _open(self, path: Path) -> BinaryIO:
        if not self._is_clean:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._is_clean = True
        make_private(self._folder.parent, self._folder)
        return open_private(path)


class FileSystemVideoStore:
    """Keeps ``folder/<hash of the owner>/<video id>``.

    Paths do not contain the owner's name, so no name can lead out of the folder. A file appears
    whole or not at all, survives a power cut, and is readable by the service's user only.

    Args:
        folder: created with the first file, readable by its owner only.
        receiving: on the same disk.
    """

    def __init__(self, *, folder: Path, receiving: ReceivingFolder) -> None:
        self._folder = folder
        self.received = receiving.received

    async def put(self, owner_id: str, video_id: UUID, received: Path) -> None:
        """Keep a file that was received."""
        await on_disk(_FOLDER, self._put, self._path(owner_id, video_id), received)

    @asynccontextmanager
    async def local(self, owner_id: str, video_id: UUID) -> AsyncIterator[Path | None]:
        """The file in its place."""
        path = self._path(owner_id, video_id)
        yield path if await on_disk(_FOLDER, path.is_file) else None

    async def read(
        self, owner_id: str, video_id: UUID, *, start: int = 0, end: int | None = None
    ) -> VideoPart | None:
        """Read a part of the file."""
        path = self._path(owner_id, video_id)
        size = await on_disk(_FOLDER, _size, path)
        if size is None:
            return None
        start = min(start, size)
        end = size if end is None else max(min(end, size), start)
        return VideoPart(start, end, size, _chunks(path, start, end))

    async def delete(self, owner_id: str, video_id: UUID) -> None:
        """Delete the file."""
        await on_disk(_FOLDER, self._path(owner_id, video_id).unlink, missing_ok=True)

    def _put(self, path: Path, received: Path) -> None:
        make_private(self._folder, path.parent)
        received.replace(path)
        for folder in (path.parent, self._folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _path(self, owner_id: str, video_id: UUID) -> Path:
        return folder_of(owner_id, self._folder) / str(video_id)


async def _chunks(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    file = await on_disk(_FOLDER, path.open, "rb", buffering=0)
    try:
        await on_disk(_FOLDER, file.seek, start)
        left = end - start
        while left > 0 and (chunk := await on_disk(_FOLDER, file.read, min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
    finally:
        await uninterrupted(on_disk(_FOLDER, file.close))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
