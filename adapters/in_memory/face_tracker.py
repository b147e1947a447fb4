"""A tracker for faces that hardly move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.face import FaceDetection
from domain.tracking import PREDICTED_FOR_S, FaceTrack

_SURVIVAL_S = 1.5


@dataclass(slots=True)
class _Followed:
    last: FaceDetection
    seen_s: float
    number: int | None
    largest_px: float
    sightings: int = 1
    misses: int = 0
    unconfirmed: FaceDetection | None = None


class InMemoryFaceTracker:
    """Keeps the rules of ``FaceTracker``; overlapping boxes are the same face.

    A predicted box is simply the last one.
    """

    def __init__(self) -> None:
        self._followed: list[_Followed] = []
        self._has_detected = False
        self._numbers_given = 0

    @property
    def wants_detection(self) -> bool:
        """Whether a face waits to be confirmed."""
        return any(face.number is None for face in self._followed)

    @property
    def misses_a_face(self) -> bool:
        """Whether a known face may be found again."""
        return any(face.number is not None and face.misses for face in self._followed)

    def rescale(self, factor: float) -> None:
        """Scale the tracks."""
        for face in self._followed:
            face.last = replace(face.last, box=face.last.box.scaled(factor, factor))
            face.largest_px *= factor
            face.misses = 1
        self._has_detected = False

    def forget(self) -> None:
        """Start over."""
        self._followed.clear()
        self._has_detected = False

    def update(
        self, detections: Sequence[FaceDetection], at_s: float, *, min_size_px: int = 0
    ) -> Sequence[FaceTrack]:
        """Update the tracks with what the detector found."""
        self._followed = [
            face for face in self._followed if face.misses == 0 or at_s - face.seen_s <= _SURVIVAL_S
        ]
        missed, new = _see(self._followed, detections, at_s, min_size_px)
        for face in self._followed:
            if face not in missed:
                face.misses = 0
                face.number = face.number or self._next_number()
        for face in missed:
            face.misses += 1
            if face.number is None or at_s - face.seen_s > _SURVIVAL_S:
                self._followed.remove(face)
        for detection in new:
            side = detection.box.longer_side
            if side >= min_size_px:
                number = None if self._has_detected else self._next_number()
                self._followed.append(_Followed(detection, at_s, number, side))
        self._has_detected = True
        return self._report(at_s)

    def expected(self, at_s: float) -> Sequence[FaceDetection]:
        """The faces to look for, where they were."""
        return [face.last for face in self._expected()]

    def follow(self, seen: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """Update the tracks of the faces that were looked for."""
        _see(self._expected(), seen, at_s)
        return self._report(at_s)

    def _expected(self) -> list[_Followed]:
        return [face for face in self._followed if face.number is not None and face.misses <= 1]

    def _report(self, at_s: float) -> Sequence[FaceTrack]:
        reported = [
            FaceTrack(
                face.number,
                face.last.box,
                face.last.confidence,
                predicted=at_s > face.seen_s,
                landmarks=face.last.landmarks,
                unconfirmed=face.unconfirmed if face.misses == 0 else None,
            )
            for face in self._followed
            if face.number is not None
            and at_s - face.seen_s <= PREDICTED_FOR_S
            and (face.misses == 0 or (face.misses == 1 and face.sightings > 1))
        ]
        return sorted(reported, key=lambda track: -track.box.area)

    def _next_number(self) -> int:
        self._numbers_given += 1
        return self._numbers_given


def _see(
    known: Sequence[_Followed],
    detections: Sequence[FaceDetection],
    at_s: float,
    min_size_px: int = 0,
) -> tuple[list[_Followed], list[FaceDetection]]:
    """Update the faces that were seen; returns the others, and the detections without one."""
    missed, new = list(known), []
    for detection in detections:
        side = detection.box.longer_side
        possible = [f for f in missed if max(side, f.largest_px) >= min_size_px]
        best = max(possible, key=lambda f: f.last.box.iou(detection.box), default=None)
        if best is None or best.last.box.iou(detection.box) == 0:
            new.append(detection)
            continue
        missed.remove(best)
        best.unconfirmed = best.last if best.number is None else None
        best.last, best.seen_s = detection, at_s
        best.largest_px = max(best.largest_px, side)
        best.sightings += 1
    return missed, new
