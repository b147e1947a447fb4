"""Histories that other services wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from domain.detection import Detection


@dataclass(frozen=True, slots=True)
class UnreadableDetection:
    """Something that ought to be a detection and is not understood.

    Attributes:
        name: by which people find it where it lies.
        reason: what is wrong with it.
    """

    name: str
    reason: str


class ForeignHistory(Protocol):
    """Reads what another service kept, and changes nothing there."""

    def read(self) -> AsyncIterator[Detection | UnreadableDetection]:
        """Everything there is, fetched bit by bit; the same thing gets the same id each time.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        ...
