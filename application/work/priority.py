"""The order in which work is done."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """The order of work when processors are busy; a lower value goes first."""

    INTERACTIVE = 0
    """An image, or a frame of a live session: a signed-in user waits."""
    BULK = 1
    """Images of a batch."""
    GUEST = 2
    """An image of a guest, who waits."""
    BACKGROUND = 3
    """Recorded video: no client waits for the next frame."""
