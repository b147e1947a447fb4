"""A spool in memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from adapters.in_memory.controllable import Controllable
from application.errors import StoreUnavailable
from application.ports.detection_spool import SpoolBacklog, SpooledDetection


class InMemoryDetectionSpool(Controllable):
    """Keeps entries in a dictionary, in the order they came.

    Args:
        max_bytes: of the images waiting; more are refused.
    """

    def __init__(self, *, max_bytes: int = 64 * 2**20) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self._entries: dict[UUID, SpooledDetection] = {}
        self._since_s: dict[UUID, float] = {}

    async def put(self, entry: SpooledDetection) -> None:
        await self._wait_or_fail()
        key = entry.detection.detection_id
        others = sum(_size(e) for k, e in self._entries.items() if k != key)
        if others + _size(entry) > self._max_bytes:
            raise StoreUnavailable("the spool of detections that wait to be stored is full")
        self._entries[key] = entry
        self._since_s[key] = time.monotonic()

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        await self._wait_or_fail()
        return self._entries.get(detection_id)

    async def owner(self, detection_id: UUID) -> str | None:
        await self._wait_or_fail()
        entry = self._entries.get(detection_id)
        return entry.detection.user_id if entry else None

    async def waiting(self, user_id: str | None = None) -> Sequence[UUID]:
        await self._wait_or_fail()
        return [
            key
            for key, entry in self._entries.items()
            if user_id is None or entry.detection.user_id == user_id
        ]

    async def remove(self, detection_id: UUID) -> bool:
        await self._wait_or_fail()
        return self._entries.pop(detection_id, None) is not None

    def backlog(self) -> SpoolBacklog:
        now_s = time.monotonic()
        return SpoolBacklog(
            len(self._entries),
            sum(_size(entry) for entry in self._entries.values()),
            max((now_s - self._since_s[key] for key in self._entries), default=0.0),
        )

    async def check(self) -> None:
        await self._wait_or_fail()
        if sum(_size(entry) for entry in self._entries.values()) >= self._max_bytes:
            raise StoreUnavailable("the spool of detections that wait to be stored is full")


def _size(entry: SpooledDetection) -> int:
    return len(entry.image.data) if entry.image else 0
