"""Admission and priority of work."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum

from application.errors import Overloaded


class Priority(IntEnum):
    """Who goes first when processors are scarce; a lower value goes earlier."""

    INTERACTIVE = 0
    """An image, or a frame of a live session: a signed-in user waits."""
    BULK = 1
    """Images of a batch."""
    GUEST = 2
    """An image of a guest, who waits."""
    BACKGROUND = 3
    """Recorded video: no client waits for the next frame."""


class AdmissionGate:
    """Admits a bounded number of images.

    A request is refused at once when all places are taken. That keeps memory bounded, and every
    admitted request is finished: none is given up half way because a later stage is full. Images of
    batches wait for their turn and never take more than half of the places; an eighth of them is
    kept from any one sender, and a quarter from all guests together.
    """

    def __init__(self, places: int, *, retry_after_s: int = 1) -> None:
        if places < 1:
            raise ValueError(f"at least one place is needed, got {places}")
        self._places = places
        self._bulk_places = max(places // 2, 1)
        self._taken = 0
        self._taken_by_bulk = 0
        self._guest_places = places - places // 4
        self._taken_by_guests = 0
        self._places_of_one = places - places // 8
        self._taken_by: Counter[str] = Counter()
        self._freed = asyncio.Event()
        self._retry_after_s = retry_after_s

    @property
    def taken(self) -> int:
        """Images in work now; from any thread."""
        return self._taken

    def check(self) -> None:
        """Check whether there is a place, without taking it.

        Raises:
            Overloaded: all places are taken.
        """
        self._refuse_beyond(self._taken, self._places, "places")

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold one place for the length of the block.

        Raises:
            Overloaded: all places are taken.
        """
        self.check()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._freed.set()

    @contextmanager
    def admit_guest(self) -> Iterator[None]:
        """Hold one of the places that guests may take for the length of the block.

        Raises:
            Overloaded: all of these are taken, or all places.
        """
        self._refuse_beyond(self._taken_by_guests, self._guest_places, "places for guests")
        self._taken_by_guests += 1
        try:
            with self.admit():
                yield
        finally:
            self._taken_by_guests -= 1

    @asynccontextmanager
    async def admit_sender(self, sender: str, *, is_guest: bool = False) -> AsyncIterator[None]:
        """Hold one place for the length of the block.

        A sender who has seven eighths of all places waits for one of them, so that one client
        cannot take them all.

        Raises:
            Overloaded: all places are taken, or all that guests may take.
        """
        self.check()
        while self._taken_by[sender] >= self._places_of_one:
            self._freed.clear()
            await self._freed.wait()
        self._taken_by[sender] += 1
        try:
            with self.admit_guest() if is_guest else self.admit():
                yield
        finally:
            self._taken_by[sender] -= 1
            if not self._taken_by[sender]:
                del self._taken_by[sender]

    @asynccontextmanager
    async def admit_in_turn(self) -> AsyncIterator[None]:
        """Wait until there is a place for an image of a batch, and hold it for the block."""
        while self._taken >= self._places or self._taken_by_bulk >= self._bulk_places:
            self._freed.clear()
            await self._freed.wait()
        self._taken_by_bulk += 1
        try:
            with self.admit():
                yield
        finally:
            self._taken_by_bulk -= 1
            self._freed.set()

    def _refuse_beyond(self, taken: int, places: int, what: str) -> None:
        if taken >= places:
            raise Overloaded(
                f"all {places} {what} for images in work are taken; try again shortly",
                retry_after_s=self._retry_after_s,
            )
