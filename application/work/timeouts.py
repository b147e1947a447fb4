"""Timeouts for work that an answer need not wait for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from application.errors import StoreUnavailable, unexpected

T = TypeVar("T")

log = logging.getLogger(__name__)


class CallerTimeout:
    """Ends the wait but not the work, so that a slow part delays no more than one that is down.

    Work that takes too long continues without its caller. For a while after that, calls do not wait
    at all, so that a slow part delays one answer now and then and not every one.

    Args:
        timeout_s: how long one call is waited for, in seconds.
        cooldown_s: how long calls do not wait after a timeout, in seconds.
    """

    def __init__(self, *, timeout_s: float = 0.25, cooldown_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        self._cooldown_s = cooldown_s
        self._cools_down_until_s = 0.0
        self._unawaited: set[asyncio.Future[Any]] = set()

    async def wait(self, work: Awaitable[T]) -> T:
        """Return or raise what the work does, if it ends in time.

        Raises:
            StoreUnavailable: it took too long; it continues, and a failure is only logged.
        """
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        cools_down = loop.time() < self._cools_down_until_s
        await asyncio.wait([task], timeout=0 if cools_down else self._timeout_s)
        if task.done():
            return task.result()
        if not cools_down:
            self._cools_down_until_s = loop.time() + self._cooldown_s
        self._unawaited.add(task)
        task.add_done_callback(self._end)
        raise StoreUnavailable("no answer in time")

    def _end(self, task: asyncio.Future[Any]) -> None:
        self._unawaited.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning(
                "a call failed after its caller's timeout: %s", error, exc_info=unexpected(error)
            )
