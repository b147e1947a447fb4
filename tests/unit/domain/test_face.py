import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.emotion import Emotion, EmotionScores
from domain.face import (
    BoxFraming,
    Face,
    FaceDetection,
    FaceLandmarks,
    FaceQuality,
    FaceReading,
    ReliabilityThresholds,
)
from domain.geometry import BoundingBox, Point

BOX = BoundingBox(10, 20, 30, 40)
LIMITS = ReliabilityThresholds(
    min_sharpness=0.2, min_brightness=0.1, max_brightness=0.9, min_size_px=24, min_score=0.5
)
CLEAR = EmotionScores.from_weights({Emotion.HAPPY: 0.9, Emotion.NEUTRAL: 0.1})
qualities = st.builds(
    FaceQuality,
    sharpness=st.floats(0, 10),
    brightness=st.floats(0, 1),
    size_px=st.integers(1, 5000),
)


@given(st.floats(0, 1))
def test_a_confidence_from_zero_to_one_is_accepted(confidence: float) -> None:
    assert FaceDetection(BOX, confidence).confidence == confidence


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf])
def test_a_confidence_outside_zero_to_one_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        FaceDetection(BOX, confidence)


def test_a_crop_exactly_at_every_limit_is_reliable() -> None:
    edge = FaceQuality(sharpness=0.2, brightness=0.1, size_px=24)
    assert LIMITS.accept(edge, CLEAR)
    assert LIMITS.accept(replace(edge, brightness=0.9), CLEAR)


@pytest.mark.parametrize(
    "quality",
    [
        FaceQuality(sharpness=0.19, brightness=0.5, size_px=64),
        FaceQuality(sharpness=0.5, brightness=0.09, size_px=64),
        FaceQuality(sharpness=0.5, brightness=0.91, size_px=64),
        FaceQuality(sharpness=0.5, brightness=0.5, size_px=23),
        FaceQuality(sharpness=math.nan, brightness=0.5, size_px=64),
    ],
    ids=["blurred", "dark", "bright", "small", "unmeasurable"],
)
def test_one_bad_measure_makes_a_crop_unreliable(quality: FaceQuality) -> None:
    assert not LIMITS.accept(quality, CLEAR)


@pytest.mark.parametrize(("score", "trusted"), [(0.49, False), (0.5, True)])
def test_scores_without_a_clear_emotion_are_unreliable(score: float, trusted: bool) -> None:
    sharp = FaceQuality(sharpness=0.5, brightness=0.5, size_px=64)
    rest = dict.fromkeys(Emotion, (1 - score) / 6)
    scores = EmotionScores.from_weights(rest | {Emotion.SAD: score})
    assert LIMITS.accept(sharp, scores) is trusted


@given(qualities, st.floats(0, 5), st.integers(0, 500))
def test_a_sharper_or_larger_crop_is_never_less_reliable(
    quality: FaceQuality, sharper: float, larger: int
) -> None:
    better = replace(
        quality, sharpness=quality.sharpness + sharper, size_px=quality.size_px + larger
    )
    assert LIMITS.accept(better, CLEAR) or not LIMITS.accept(quality, CLEAR)


def test_the_dominant_emotion_has_the_highest_score() -> None:
    scores = EmotionScores.from_weights({Emotion.FEAR: 3, Emotion.SURPRISE: 2})
    reading = FaceReading(scores, FaceQuality(0.5, 0.5, 30), reliable=True)
    assert Face(FaceDetection(BOX, 0.9), reading).dominant_emotion is Emotion.FEAR


@pytest.mark.parametrize(("side", "drop"), [(0.49, 0), (2.01, 0), (1, -0.51), (1, 0.51)])
def test_a_framing_that_shows_no_face_is_refused(side: float, drop: float) -> None:
    with pytest.raises(ValueError, match="framed"):
        BoxFraming(side, drop)


def test_landmarks_move_and_grow_with_their_box() -> None:
    points = [Point(10, 20), Point(40, 20), Point(25, 40), Point(10, 60), Point(40, 60)]
    moved = FaceLandmarks(*points).moved(BOX, BoundingBox(100, 200, 60, 160))
    assert moved.points == (
        Point(100, 200), Point(160, 200), Point(130, 280), Point(100, 360), Point(160, 360),
    )  # fmt: skip
