"""Waiting briefly for what an answer can do without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from application.errors import ServiceUnavailable, StoreUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)


class Patience:
    """Makes a store that is slow cost a caller as little as one that is down.

    What takes too long goes on without its caller. For a while after that nobody waits at all, so
    that a store which has become slow delays one answer now and then and not every one.

    Args:
        longest_s: seconds that one call is waited for.
        pause_s: seconds that nobody waits after one waited in vain.
    """

    def __init__(self, *, longest_s: float = 0.25, pause_s: float = 5.0) -> None:
        self._longest_s = longest_s
        self._pause_s = pause_s
        self._hurried_until_s = 0.0
        self._left_behind: set[asyncio.Future[Any]] = set()

    async def wait(self, work: Awaitable[T]) -> T:
        """Hand over what the work returns or raises, if it ends in time.

        Raises:
            StoreUnavailable: it did not; it goes on, and its outcome is only logged.
        """
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        is_hurried = loop.time() < self._hurried_until_s
        await asyncio.wait([task], timeout=0 if is_hurried else self._longest_s)
        if task.done():
            return task.result()
        if not is_hurried:
            self._hurried_until_s = loop.time() + self._pause_s
        self._left_behind.add(task)
        task.add_done_callback(self._end)
        raise StoreUnavailable("the store takes its time")

    def _end(self, task: asyncio.Future[Any]) -> None:
        self._left_behind.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            unexpected = None if isinstance(error, ServiceUnavailable) else error
            log.warning("what nobody waited for failed: %s", error, exc_info=unexpected)
