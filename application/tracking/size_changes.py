"""Frames that change their size, as when the camera or the connection changes."""

from __future__ import annotations

from application.ports.face_tracker import FaceTracker
from domain.geometry import Size

_SAME_SHAPE = 0.02
"""How much the aspect ratio may change for a frame to count as the same scene, scaled."""


def adjust_to_size(tracker: FaceTracker, before: Size, now: Size) -> None:
    """Rescale the tracks to frames of another size, or start over."""
    across, down = now[0] / before[0], now[1] / before[1]
    if abs(across / down - 1) <= _SAME_SHAPE:
        tracker.rescale((across * down) ** 0.5)
    else:
        # The phone was turned or the frame is cropped differently: positions cannot be mapped.
        tracker.forget()
