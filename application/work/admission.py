"""Admission of work."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto

from application.errors import Overloaded


class _Group(Enum):
    """Images whose places are limited together."""

    ALL = auto()
    BATCHES = auto()
    GUESTS = auto()


class AdmissionGate:
    """Admits a bounded number of images.

    A request is refused at once when all places are taken. That keeps memory bounded, and every
    admitted request is finished: none is given up half way because a later stage is full. Images of
    batches wait for their turn and never take more than half of the places; an eighth of them is
    kept from any one sender, and a quarter from all guests together.
    """

    def __init__(self, places: int) -> None:
        if places < 1:
            raise ValueError(f"at least one place is needed, got {places}")
        self._limits = {
            _Group.ALL: places,
            _Group.BATCHES: max(places // 2, 1),
            _Group.GUESTS: places - places // 4,
        }
        self._limit_per_sender = places - places // 8
        self._taken: Counter[_Group | str] = Counter()
        self._freed = asyncio.Event()

    @property
    def taken(self) -> int:
        """Images in work now; from any thread."""
        return self._taken[_Group.ALL]

    def check(self) -> None:
        """Check whether there is a place, without taking it.

        Raises:
            Overloaded: all places are taken.
        """
        self._refuse_if_full(_Group.ALL, "places for images")

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold one place for the length of the block.

        Raises:
            Overloaded: all places are taken.
        """
        self.check()
        with self._hold(_Group.ALL):
            yield

    @contextmanager
    def admit_guest(self) -> Iterator[None]:
        """Hold one of the places that guests may take for the length of the block.

        Raises:
            Overloaded: all of these are taken, or all places.
        """
        self._refuse_if_full(_Group.GUESTS, "places that guests may take")
        self.check()
        with self._hold(_Group.ALL, _Group.GUESTS):
            yield

    @asynccontextmanager
    async def admit_sender(self, sender: str, *, is_guest: bool = False) -> AsyncIterator[None]:
        """Hold one place for the length of the block.

        A sender who has seven eighths of all places waits for one of them, so that one client
        cannot take them all.

        Raises:
            Overloaded: all places are taken, or all that guests may take.
        """
        self.check()
        await self._room_for(sender)
        with self.admit_guest() if is_guest else self.admit(), self._hold(sender):
            yield

    @asynccontextmanager
    async def admit_in_turn(self) -> AsyncIterator[None]:
        """Wait until there is a place for an image of a batch, and hold it for the block."""
        await self._room_for(_Group.ALL, _Group.BATCHES)
        with self._hold(_Group.ALL, _Group.BATCHES):
            yield

    def _is_full(self, group: _Group | str) -> bool:
        limit = self._limits[group] if isinstance(group, _Group) else self._limit_per_sender
        return self._taken[group] >= limit

    def _refuse_if_full(self, group: _Group, places: str) -> None:
        if self._is_full(group):
            raise Overloaded(
                f"all {self._limits[group]} {places} are in use; try again shortly",
                retry_after_s=1,
            )

    async def _room_for(self, *groups: _Group | str) -> None:
        while any(self._is_full(group) for group in groups):
            self._freed.clear()
            await self._freed.wait()

    @contextmanager
    def _hold(self, *groups: _Group | str) -> Iterator[None]:
        """Count an image in its groups; a sender is one."""
        self._taken.update(groups)
        try:
            yield
        finally:
            for group in groups:
                self._taken[group] -= 1
                if not self._taken[group]:
                    del self._taken[group]
            self._freed.set()
