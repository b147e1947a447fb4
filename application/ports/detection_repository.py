"""The history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

from domain.detection import Detection, HistoryFilter


class DetectionRepository(Protocol):
    """Keeps the records of analysed images, live sessions and videos.

    Every method may raise ``StoreUnavailable``.

    A record that cannot be read, because it is damaged or a newer version of the service wrote it,
    is returned with its id, owner and time, without a file name or faces, and as failed.
    """

    async def add(self, detection: Detection) -> None:
        """Keep a record; once this returns it survives a crash of the process.

        Adding a ``detection_id`` that exists already changes nothing.
        """
        ...

    async def get(self, detection_id: UUID) -> Detection | None:
        """The record, whoever owns it, or None."""
        ...

    async def count(self, user_id: str, wanted: HistoryFilter) -> int:
        """How many records of one user match."""
        ...

    def iterate(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int | None = None
    ) -> AsyncIterator[Sequence[Detection]]:
        """Matching records of one user, newest first, in parts; those of the same moment by
        descending id.

        A part has a few records, or one if that is large, so that a part never takes much memory.
        The iterator keeps no reference to a part. Records that are added or deleted meanwhile may
        or may not appear.

        Args:
            user_id: the owner.
            wanted: the filter.
            skip: records to leave out at the front.
            limit: records in all parts together; None for all.
        """
        ...

    async def update_storage(self, detection: Detection) -> bool:
        """Write ``image_url`` and ``storage`` of an existing record.

        A record that cannot be read may be left as it is.

        Returns:
            False, having written nothing, when the record has been deleted meanwhile.
        """
        ...

    async def delete(self, detection_id: UUID) -> bool:
        """Delete a record. Returns False when there was none."""
        ...

    async def wipe(self) -> None:
        """Remove what was deleted from the disk, where the repository itself writes to one.

        This includes everything in the same file: users, tokens and counts.
        """
        ...

    async def check(self) -> None:
        """Check with little effort that the repository works."""
        ...
