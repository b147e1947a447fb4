"""Smoothed scores for every tracked face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.face import FaceReading
from domain.stream import TrackedFace
from domain.tracking import FaceTrack, ScoreSmoother

_LIFETIME_S = 2.0


@dataclass(slots=True)
class _Smoothed:
    smoother: ScoreSmoother
    used_s: float


class TrackSmoothing:
    """Keeps a smoother for each track, and forgets those not seen for two seconds."""

    def __init__(self) -> None:
        self._smoothed: dict[int, _Smoothed] = {}

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
            self._smoothed.clear()
            return tuple(TrackedFace(*pair) for pair in zip(tracks, readings, strict=True))
        faces = []
        for track, reading in zip(tracks, readings, strict=True):
            own = self._smoothed.get(track.number)
            if own is None or own.smoother.window != window:
                own = _Smoothed(ScoreSmoother(window), at_s)
                self._smoothed[track.number] = own
            own.used_s = at_s
            scores = own.smoother.smooth(reading.scores)
            faces.append(TrackedFace(track, replace(reading, scores=scores)))
        self._smoothed = {
            number: own
            for number, own in self._smoothed.items()
            if at_s - own.used_s <= _LIFETIME_S
        }
        return tuple(faces)
