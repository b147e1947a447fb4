"""Where detections wait, safe from a crash, until they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.image_store import StoredImage
from domain.detection import Detection


@dataclass(frozen=True, slots=True)
class SpooledDetection:
    """A detection that is not stored yet.

    Attributes:
        detection: the record.
        image: the image it was made from; None if none is kept, as for a live session.
    """

    detection: Detection
    image: StoredImage | None


@dataclass(frozen=True, slots=True)
class SpoolBacklog:
    """The size and age of a spool.

    Attributes:
        entries: how many.
        size_bytes: of all together.
        oldest_s: seconds that the oldest has waited; 0 if none waits.
    """

    entries: int
    size_bytes: int
    oldest_s: float


class DetectionSpool(Protocol):
    """A durable, bounded queue on this host."""

    async def put(self, entry: SpooledDetection) -> None:
        """Add an entry; once this returns it survives a crash of the process.

        Raises:
            StoreUnavailable: the spool is full or its disk cannot be written to.
        """
        ...

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        """The entry; None without one. One that cannot be read any more is removed."""
        ...

    async def owner(self, detection_id: UUID) -> str | None:
        """The owner of the waiting detection with this id, or None; cheaper than ``get``."""
        ...

    async def waiting(self, user_id: str | None = None) -> Sequence[UUID]:
        """The ids of all entries, oldest first; of one user's where ``user_id`` is given."""
        ...

    async def remove(self, detection_id: UUID) -> bool:
        """Delete an entry. Returns False when there was none."""
        ...

    def backlog(self) -> SpoolBacklog:
        """Number, size and age of the entries; from memory, without waiting, from any thread."""
        ...

    async def check(self) -> None:
        """Check that another entry can be added; raises ``StoreUnavailable`` if not."""
        ...
