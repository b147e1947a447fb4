"""Work that has to finish although its caller was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run the work to its end even if the caller is cancelled meanwhile.

    The cancellation is not lost: it is raised as soon as the work is done. A caller whose client
    hung up may be cancelled again and again, once for every await; each of them waits.

    Returns:
        What the work returns; what it raises is raised.
    """
    task = asyncio.ensure_future(work)
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            interruption = error
    if interruption is not None:
        raise interruption from task.exception()
    return task.result()
