"""One tracked face."""

from __future__ import annotations

from adapters.tracking.motion import MotionFilter
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.tracking import PREDICTED_FOR_S, FaceTrack

# All in sides of the face, so that near and far faces are treated alike. Detectors place a box to
# about a twentieth of its side; heads move by a few sides a second and change size slowly. With
# half of this acceleration, predictions lag behind a face that sways by two sides in a second.
_BOX_DEVIATION = 0.05
_FIRST_VELOCITY = 1.5
_CENTRE_ACCELERATION = 8.0
_SIZE_ACCELERATION = 1.0


class Track:
    """A face's motion and how reliably it was seen.

    Attributes:
        number: None while the face waits to be confirmed.
        unconfirmed: see ``FaceTrack``.
        seen_s: when a detector last saw it.
        misses: how many searches in a row have not found it.
        largest_px: the longest side of its boxes so far.
    """

    def __init__(self, detection: FaceDetection, at_s: float) -> None:
        self.number: int | None = None
        self.unconfirmed: FaceDetection | None = None
        self.seen_s = at_s
        self.misses = 0
        self.largest_px: float = detection.box.longer_side
        self._sightings = 1
        self._last = detection
        box = detection.box
        side = box.shorter_side
        readings = (box.centre.x, box.centre.y, box.width, box.height)
        self._filters = tuple(
            MotionFilter(reading, (_BOX_DEVIATION * side) ** 2, (_FIRST_VELOCITY * side) ** 2)
            for reading in readings
        )

    @property
    def last_box(self) -> BoundingBox:
        """Where the face was last seen."""
        return self._last.box

    def see(self, detection: FaceDetection, at_s: float) -> None:
        """Update the track with a detection; whoever searched for it resets ``misses``."""
        box = detection.box
        side = box.shorter_side
        readings = (box.centre.x, box.centre.y, box.width, box.height)
        accelerations = (_CENTRE_ACCELERATION,) * 2 + (_SIZE_ACCELERATION,) * 2
        for motion, reading, acceleration in zip(
            self._filters, readings, accelerations, strict=True
        ):
            motion.advance(at_s - self.seen_s, acceleration * side)
            motion.correct(reading, _BOX_DEVIATION * side)
        self.unconfirmed = self._last if self.number is None else None
        self._last = detection
        self.largest_px = max(self.largest_px, box.longer_side)
        self._sightings += 1
        self.seen_s = at_s

    def rescale(self, factor: float) -> None:
        """Scale the track; the face is reported again once it is seen."""
        for motion in self._filters:
            motion.rescale(factor)
        self.largest_px *= factor
        # Its landmarks are not used any more: the face is next reported with a detection.
        self._last = FaceDetection(self._last.box.scaled(factor, factor), self._last.confidence)
        self.misses = 1

    def expected_at(self, at_s: float) -> BoundingBox:
        """Where the face should be if it keeps its motion."""
        x, y, width, height = (motion.after(at_s - self.seen_s) for motion in self._filters)
        # The filter does not know that sizes have to be positive.
        last = self._last.box
        width, height = max(width, last.width / 2), max(height, last.height / 2)
        return BoundingBox(
            round(x - width / 2), round(y - height / 2), max(round(width), 1), max(round(height), 1)
        )

    def detection_at(self, at_s: float) -> FaceDetection:
        """The face as it was last seen, moved to where it should be."""
        last, box = self._last, self.expected_at(at_s)
        landmarks = last.landmarks and last.landmarks.moved(last.box, box)
        return FaceDetection(box, last.confidence, landmarks)

    def reported(self, at_s: float) -> FaceTrack | None:
        """The face as it is reported now; None if it is not reported."""
        if self.number is None or self.misses > 1 or (self.misses and self._sightings == 1):
            return None
        last = self._last
        if at_s <= self.seen_s:
            return FaceTrack(
                self.number,
                last.box,
                last.confidence,
                landmarks=last.landmarks,
                unconfirmed=self.unconfirmed,
            )
        if at_s - self.seen_s > PREDICTED_FOR_S:
            return None
        now = self.detection_at(at_s)
        return FaceTrack(
            self.number, now.box, now.confidence, predicted=True, landmarks=now.landmarks
        )
