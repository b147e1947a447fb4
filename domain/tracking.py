"""A face followed from frame to frame, and the smoothing of its scores."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from domain.emotion import EmotionScores
from domain.face import FaceDetection, FaceLandmarks
from domain.geometry import BoundingBox

PREDICTED_FOR_S = 0.22
"""How long after a face was seen its box may be predicted: 200 ms, and some delay of the frames.

Heads move by a few times their size a second, so a later prediction is only a guess, and the
emotions read from its crop mean nothing.
"""

_KEPT_SHARE = 0.8


def kept_from_px(min_size_px: int) -> int:
    """The size down to which a face is followed that once had the smallest wanted size.

    The boxes of a face that does not move differ by a twentieth, so one of about that size would
    vanish and come back as another face, again and again.
    """
    return math.ceil(_KEPT_SHARE * min_size_px)


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """The present state of a tracked face.

    Attributes:
        number: from 1, in the order the faces of a session appeared; never used twice.
        box: in the sender's pixels; a predicted one may reach over the edge of the frame.
        confidence: the detector's score when it last saw the face, in [0, 1].
        predicted: True if the box was not seen in this frame but follows from the ones before.
        landmarks: None if the detector finds none; of a predicted box they moved with it.
        unconfirmed: the face as the previous detection found it, where this detection confirms a
            new face, which is then reported for the first time; None otherwise.
    """

    number: int
    box: BoundingBox
    confidence: float
    predicted: bool = False
    landmarks: FaceLandmarks | None = None
    unconfirmed: FaceDetection | None = None

    @property
    def track_id(self) -> str:
        """The name on the wire: ``face_1``, ``face_2`` and so on."""
        return f"face_{self.number}"


CLEAR_CHANGE = 0.35
"""Total variation distance, in [0, 1], from which two distributions count as plainly different."""


class ScoreSmoother:
    """Smooths the scores of one face: the mean of the last readings, without a visible lag.

    A plain moving average shows a new expression only after half its window. Here the last two
    readings together overrule the window: once they agree with each other and differ plainly from
    the readings before, the window restarts with them. So a single odd frame is averaged away, and
    an expression that stays shows in its second frame.
    """

    def __init__(self, window: int) -> None:
        self._readings: deque[EmotionScores] = deque(maxlen=window)

    @property
    def window(self) -> int:
        """How many readings are averaged at most."""
        return self._readings.maxlen or 0

    def smooth(self, scores: EmotionScores) -> EmotionScores:
        """Add a reading and return the smoothed scores."""
        self._readings.append(scores)
        readings = list(self._readings)
        if len(readings) > 2 and _has_changed(readings[:-2], readings[-2:]):
            for _ in readings[:-2]:
                self._readings.popleft()
        return EmotionScores.mean(self._readings)


def distance(one: EmotionScores, other: EmotionScores) -> float:
    """Total variation distance of two distributions: 0 for equal, 1 for disjoint ones."""
    return sum(abs(a - b) for a, b in zip(one.values, other.values, strict=True)) / 2


def _has_changed(before: Sequence[EmotionScores], latest: Sequence[EmotionScores]) -> bool:
    agree = distance(latest[0], latest[1]) < CLEAR_CHANGE
    differ = distance(EmotionScores.mean(before), EmotionScores.mean(latest)) > CLEAR_CHANGE
    return agree and differ
