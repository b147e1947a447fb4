"""Smoothed scores for every tracked face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.face import FaceReading
from domain.session import TrackedFace
from domain.tracking import FaceTrack, ScoreSmoother

_LIFETIME_S = 2.0


class TrackSmoothing:
    """Keeps a smoother for each track, and forgets those not seen for two seconds."""

    def __init__(self) -> None:
        # By the number of a track, with the time it was last used.
        self._smoothers: dict[int, tuple[ScoreSmoother, float]] = {}

    def smooth(
        self,
        tracks: Sequence[FaceTrack],
        readings: Sequence[FaceReading],
        *,
        window: int,
        at_s: float,
    ) -> tuple[TrackedFace, ...]:
        """Join the tracks of one frame with their readings.

        Args:
            tracks: of the frame.
            readings: one a track, in the same order.
            window: how many readings of a face are averaged at most; 0 turns smoothing off and
                forgets earlier readings.
            at_s: when the frame was taken, in seconds of any clock that never goes back.
        """
        if not window:
            self._smoothers.clear()
            return tuple(TrackedFace(*pair) for pair in zip(tracks, readings, strict=True))
        faces = []
        for track, reading in zip(tracks, readings, strict=True):
            smoother, _ = self._smoothers.get(track.number, (None, at_s))
            if smoother is None or smoother.window != window:
                smoother = ScoreSmoother(window)
            self._smoothers[track.number] = smoother, at_s
            scores = smoother.smooth(reading.scores)
            faces.append(TrackedFace(track, replace(reading, scores=scores)))
        self._smoothers = {
            number: (smoother, used_s)
            for number, (smoother, used_s) in self._smoothers.items()
            if at_s - used_s <= _LIFETIME_S
        }
        return tuple(faces)
