"""The history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.detection import Detection, HistoryFilter


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a history.

    Attributes:
        items: newest first.
        total: how many records match in all.
    """

    items: Sequence[Detection]
    total: int


class DetectionRepository(Protocol):
    """Keeps the records of analysed images. Every method may raise ``StoreUnavailable``.

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

    async def find(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int = 10
    ) -> HistoryPage:
        """A page of one user's records, newest first; records of the same moment by descending
        id.
        """
        ...

    def iterate(self, user_id: str, wanted: HistoryFilter) -> AsyncIterator[Detection]:
        """All matching records of one user, newest first, fetched in pages.

        Records that are added or deleted meanwhile may or may not appear.
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
