"""When memory that is not needed returns to the system."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import sys
from pathlib import Path

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 2**20
_CHECK_EVERY_S = 1.0
_GROWTH_BYTES = 24 * 2**20
_STATISTICS = Path("/proc/self/statm")


def return_large_blocks() -> None:
    """Return every block of 1 MiB and more to the system as soon as it is freed.

    By default glibc raises this limit to 32 MiB once such blocks were freed, and then keeps the
    memory of large images: after 32 images of 16 megapixels at once the process held 430 MB, with
    this setting 308 MB. Does nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)


async def return_freed_memory() -> None:
    """Return freed memory to the system whenever the process has grown, until cancelled.

    Libraries leave connections that ended in reference cycles, with the last message of each, and
    small blocks that are still used keep the freed memory between them: after a row of attacks the
    process held 430 MB, and 245 MB with this. Does nothing without glibc and Linux.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not sys.platform.startswith("linux"):
        return
    after_start = after_last = _resident_bytes()
    wait_s = waited_s = 0.0
    while True:
        await asyncio.sleep(_CHECK_EVERY_S)
        waited_s += _CHECK_EVERY_S
        now = _resident_bytes()
        has_grown = now > after_last + _GROWTH_BYTES
        if now > after_start + _GROWTH_BYTES and (has_grown or waited_s > wait_s):
            gc.collect()
            await asyncio.to_thread(trim, 0)
            after_last = _resident_bytes()
            # What is still used is not asked for again and again.
            wait_s = 0.0 if after_last < now - _GROWTH_BYTES / 4 else min(2 * wait_s + 1, 60.0)
            waited_s = 0.0


def _resident_bytes() -> int:
    return int(_STATISTICS.read_text().split()[1]) * resource.getpagesize()
