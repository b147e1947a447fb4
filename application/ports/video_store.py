"""Where the files of recorded videos are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A stretch of a stored file.

    Attributes:
        start: offset of its first byte.
        end: offset after its last byte.
        size: of the whole file in bytes.
        chunks: its bytes, fetched as they are read.
    """

    start: int
    end: int
    size: int
    chunks: AsyncIterator[bytes]


class VideoStore(Protocol):
    """Keeps one file per video, by owner. Every method may raise ``StoreUnavailable``.

    Files are large: a whole file is never held in memory.
    """

    def received(self, chunks: AsyncIterator[bytes]) -> AbstractAsyncContextManager[Path]:
        """Write the chunks into a file on this host, which exists for the length of a block.

        Raises:
            StoreUnavailable: there is no room on the disk.
        """
        ...

    async def put(self, owner_id: str, video_id: UUID, received: Path) -> None:
        """Keep a file that was received; once this returns it survives a crash of the process.

        Putting the same video's file again replaces it.
        """
        ...

    def local(self, owner_id: str, video_id: UUID) -> AbstractAsyncContextManager[Path | None]:
        """The file on this host for the length of a block; None when there is none.

        A file that is kept elsewhere is fetched. It may be read but not changed.
        """
        ...

    async def read(
        self, owner_id: str, video_id: UUID, *, start: int = 0, end: int | None = None
    ) -> VideoPart | None:
        """Read from one offset to before another; None when this owner has no such file.

        An end beyond the file's end is clipped. A start beyond it gives an empty part.
        """
        ...

    async def delete(self, owner_id: str, video_id: UUID) -> None:
        """Delete the file; a missing one is not an error."""
        ...
