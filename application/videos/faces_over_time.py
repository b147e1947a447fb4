"""The positions of a video's faces between two analysed frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.video import AnalysedFrame

_MAX_HOLD_STEPS = 1.5
"""For how many usual steps faces move, and are shown after the last frame. A frame that stays on
the screen for longer keeps its faces where they are."""
_ROUNDING_S = 1e-3


class FacesOverTime:
    """The faces at any time: as in the last analysed frame, their boxes moved towards the next.

    Args:
        frames: all that were analysed, in order.
    """

    def __init__(self, frames: Sequence[AnalysedFrame]) -> None:
        self._frames = frames
        self._times = [frame.time_s for frame in frames]
        steps = [
            after - before for before, after in zip(self._times, self._times[1:], strict=False)
        ]
        self._max_hold_s = _MAX_HOLD_STEPS * (median(steps) if steps else 1.0)

    def at(self, time_s: float) -> Sequence[TrackedFace]:
        """The faces at a time in seconds from the start of the video."""
        index = bisect_right(self._times, time_s + _ROUNDING_S) - 1
        if index < 0:
            return ()
        frame = self._frames[index]
        if index + 1 == len(self._frames):
            return frame.faces if time_s - frame.time_s <= self._max_hold_s else ()
        after = self._frames[index + 1]
        gap_s = after.time_s - frame.time_s
        if gap_s > self._max_hold_s or after.scene != frame.scene:
            return frame.faces
        share = min(max((time_s - frame.time_s) / gap_s, 0.0), 1.0)
        boxes = {face.track.number: face.track.box for face in after.faces}
        return tuple(_moved(face, boxes.get(face.track.number), share) for face in frame.faces)


def _moved(face: TrackedFace, to: BoundingBox | None, share: float) -> TrackedFace:
    if to is None:
        return face
    box = face.track.box
    sides = zip(
        (box.x, box.y, box.width, box.height), (to.x, to.y, to.width, to.height), strict=True
    )
    moved = BoundingBox(*(round(a + share * (b - a)) for a, b in sides))
    return replace(face, track=replace(face.track, box=moved))
