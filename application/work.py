"""How much work is let in, and which goes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from application.errors import Overloaded


class Priority(IntEnum):
    """Who goes first when processors are scarce; a lower value goes earlier."""

    INTERACTIVE = 0
    BULK = 1


class AdmissionGate:
    """Lets a bounded number of requests in and refuses the rest at once.

    Refusing at the door keeps memory bounded, and whoever is let in is also finished: no request
    is given up half way because a later stage is full.
    """

    def __init__(self, places: int, *, retry_after_s: int = 1) -> None:
        if places < 1:
            raise ValueError(f"at least one place is needed, got {places}")
        self._places = places
        self._taken = 0
        self._retry_after_s = retry_after_s

    @property
    def taken(self) -> int:
        """Requests inside right now."""
        return self._taken

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold one place for the length of the block.

        Raises:
            Overloaded: all places are taken.
        """
        if self._taken >= self._places:
            raise Overloaded(
                f"all {self._places} places for images in work are taken; try again shortly",
                retry_after_s=self._retry_after_s,
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
