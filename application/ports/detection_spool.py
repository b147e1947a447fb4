"""Where detections wait, safe from a crash, until their stores have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.image_store import StoredImage
from domain.detection import Detection


@dataclass(frozen=True, slots=True)
class SpooledDetection:
    """A detection on its way to the stores.

    Attributes:
        detection: the record.
        image: it was made from; None where none is kept, as of a stream.
    """

    detection: Detection
    image: StoredImage | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a spool.

    Attributes:
        entries: how many.
        size_bytes: of all together.
        oldest_s: seconds that the oldest has waited; 0 where none waits.
    """

    entries: int
    size_bytes: int
    oldest_s: float


class DetectionSpool(Protocol):
    """A durable, bounded waiting room on this host."""

    async def put(self, entry: SpooledDetection) -> None:
        """Take an entry in; once this returns it survives a crash of the process.

        Raises:
            StoreUnavailable: the spool is full or its disk does not take it.
        """
        ...

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        """The entry, or None. One that cannot be read any more is removed and counts as None."""
        ...

    async def owner(self, detection_id: UUID) -> str | None:
        """Whose detection is waiting under this id, or None; cheaper than ``get``."""
        ...

    async def waiting(self, user_id: str | None = None) -> Sequence[UUID]:
        """The ids of all entries, oldest first; of one user's where ``user_id`` is given."""
        ...

    async def remove(self, detection_id: UUID) -> bool:
        """Drop an entry. Returns False when there was none."""
        ...

    def backlog(self) -> Backlog:
        """How much waits, and for how long: from memory, at once, and from any thread."""
        ...

    async def check(self) -> None:
        """Show that another entry can be put in; raises ``StoreUnavailable`` where it cannot."""
        ...
