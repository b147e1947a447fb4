"""Histories that other services wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

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


class ForeignHistory(Protocol):
    """Reads what another service kept, and changes nothing there."""

    def read(self) -> AsyncIterator[Detection | UnreadableDetection]:
        """Every record, fetched in pages; the same record gets the same id each time.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        ...
