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
        end: offset behind its last byte.
        size: of the whole file in bytes.
        chunks: its bytes, fetched as they are asked for.
    """

    start: int
    end: int
    size: int
    chunks: AsyncIterator[bytes]


class VideoStore(Protocol):
    """Keeps one file a video, under its owner's name. Every method may raise ``StoreUnavailable``.

    Files are large: none is ever held in memory as a whole.
    """

    def received(self, chunks: AsyncIterator[bytes]) -> AbstractAsyncContextManager[Path]:
        """Write what comes in into a file of this host, for the length of a block.

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

        One that lies elsewhere is fetched. It may be read and not changed.
        """
        ...

    async def read(
        self, owner_id: str, video_id: UUID, *, start: int = 0, end: int | None = None
    ) -> VideoPart | None:
        """Read from one offset to before another; None when this owner has no such file.

        An end behind the file's own is taken for that. A start behind it gives an empty part.
        """
        ...

    async def delete(self, owner_id: str, video_id: UUID) -> None:
        """Forget the file; one that is not there is no error."""
        ...
