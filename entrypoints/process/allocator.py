"""How the C library gives memory back to the system."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 2**20


def give_large_blocks_back() -> None:
    """Let every block of 1 MiB and more go back to the system the moment it is freed.

    glibc raises this limit by itself to 32 MiB once such blocks were freed, and then keeps the
    room that large pictures took between small blocks: 32 photographs of 16 megapixels at once left
    430 MB behind, and leave 308 MB like this. Does nothing where there is no glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
