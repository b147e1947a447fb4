"""A history in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from adapters.in_memory.controllable import Controllable
from adapters.records import salvaged_detection
from domain.detection import Detection, HistoryFilter

_PART = 10


class InMemoryDetectionRepository(Controllable):
    """Keeps records in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[UUID, Detection] = {}
        self._unreadable: set[UUID] = set()

    def make_unreadable(self, detection_id: UUID) -> None:
        """Make a record look as if a newer version wrote it, so that only its owner is known."""
        known = self._records[detection_id]
        self._unreadable.add(detection_id)
        self._records[detection_id] = salvaged_detection(
            detection_id, known.user_id, known.timestamp
        )

    async def add(self, detection: Detection) -> None:
        await self._wait_or_fail()
        self._records.setdefault(detection.detection_id, detection)

    async def get(self, detection_id: UUID) -> Detection | None:
        await self._wait_or_fail()
        return self._records.get(detection_id)

    async def count(self, user_id: str, wanted: HistoryFilter) -> int:
        await self._wait_or_fail()
        return len(self._matching(user_id, wanted))

    async def iterate(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int | None = None
    ) -> AsyncIterator[Sequence[Detection]]:
        await self._wait_or_fail()
        found = self._matching(user_id, wanted)[skip:][:limit]
        for start in range(0, len(found), _PART):
            yield found[start : start + _PART]

    async def update_storage(self, detection: Detection) -> bool:
        await self._wait_or_fail()
        known = self._records.get(detection.detection_id)
        if known is None:
            return False
        if detection.detection_id in self._unreadable:
            return True
        self._records[detection.detection_id] = replace(
            known, image_url=detection.image_url, storage=detection.storage
        )
        return True

    async def delete(self, detection_id: UUID) -> bool:
        await self._wait_or_fail()
        return self._records.pop(detection_id, None) is not None

    async def wipe(self) -> None:
        """Does nothing: deleted records are gone already."""
        await self._wait_or_fail()

    async def check(self) -> None:
        await self._wait_or_fail()

    def _matching(self, user_id: str, wanted: HistoryFilter) -> list[Detection]:
        return sorted(
            (d for d in self._records.values() if d.user_id == user_id and wanted.matches(d)),
            key=lambda d: (d.timestamp, d.detection_id),
            reverse=True,
        )
