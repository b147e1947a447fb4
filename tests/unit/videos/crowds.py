"""Frames with many faces."""

from domain.emotion import Emotion, EmotionScores
from domain.face import FaceQuality, FaceReading
from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.tracking import FaceTrack

SIZE = (1280, 720)


def crowd(count: int, *, side: int = 70) -> list[TrackedFace]:
    """Faces in close rows."""
    reading = FaceReading(
        EmotionScores.from_weights(
            {emotion: 1.0 + 9 * (emotion is Emotion.HAPPY) for emotion in Emotion}
        ),
        FaceQuality(sharpness=1.0, brightness=0.5, size_px=side),
        reliable=True,
    )
    columns = SIZE[0] // (side + 10)
    return [
        TrackedFace(
            FaceTrack(
                number + 1,
                BoundingBox(
                    number % columns * (side + 10), number // columns * (side + 14) + 40, side, side
                ),
                0.9,
            ),
            reading,
        )
        for number in range(count)
    ]
