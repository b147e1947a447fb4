"""Importing a history that another service wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from application.ports.detection_repository import DetectionRepository
from domain.detection import Detection


@dataclass(frozen=True, slots=True)
class UnreadableDetection:
    """A record that should be a detection but cannot be read.

    Attributes:
        name: by which people find it in its database.
        reason: what is wrong with it.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """How many records are in the history now, and how many were left out."""

    imported: int
    left_out: int


class ImportHistory:
    """Copies a foreign history; repeating it, for example after a failure, makes no duplicates."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._repository = repository

    async def execute(
        self,
        records: AsyncIterator[Detection | UnreadableDetection],
        on_left_out: Callable[[UnreadableDetection], None],
    ) -> ImportOutcome:
        """Copy everything that can be read.

        Args:
            records: of the other service; the same record has the same id each time.
            on_left_out: called with each record that cannot be copied.

        Raises:
            StoreUnavailable: the source or the repository does not answer.
        """
        imported = left_out = 0
        async for found in records:
            if isinstance(found, UnreadableDetection):
                left_out += 1
                on_left_out(found)
            else:
                await self._repository.add(found)
                imported += 1
        return ImportOutcome(imported, left_out)
