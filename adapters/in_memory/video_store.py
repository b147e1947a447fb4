"""Video files in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from adapters.in_memory.controllable import Controllable
from application.ports.video_store import VideoPart


class InMemoryVideoStore(Controllable):
    """Keeps files in a dictionary; a file is on the disk only while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[tuple[str, UUID], bytes] = {}

    def __len__(self) -> int:
        return len(self._files)

    @asynccontextmanager
    async def received(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Path]:
        await self._wait_or_fail()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "video"
            data = b"".join([chunk async for chunk in chunks])
            await asyncio.to_thread(path.write_bytes, data)
            yield path

    async def put(self, owner_id: str, video_id: UUID, received: Path) -> None:
        await self._wait_or_fail()
        self._files[owner_id, video_id] = await asyncio.to_thread(received.read_bytes)

    @asynccontextmanager
    async def local(self, owner_id: str, video_id: UUID) -> AsyncIterator[Path | None]:
        part = await self.read(owner_id, video_id)
        if part is None:
            yield None
            return
        async with self.received(part.chunks) as path:
            yield path

    async def read(
        self, owner_id: str, video_id: UUID, *, start: int = 0, end: int | None = None
    ) -> VideoPart | None:
        await self._wait_or_fail()
        data = self._files.get((owner_id, video_id))
        if data is None:
            return None
        start = min(start, len(data))
        end = len(data) if end is None else max(min(end, len(data)), start)
        return VideoPart(start, end, len(data), _chunks(data[start:end]))

    async def delete(self, owner_id: str, video_id: UUID) -> None:
        await self._wait_or_fail()
        self._files.pop((owner_id, video_id), None)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
