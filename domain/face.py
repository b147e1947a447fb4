"""Faces in images: position, emotions, quality and reliability."""

from __future__ import annotations

from dataclasses import dataclass

from domain.emotion import Emotion, EmotionScores
from domain.geometry import BoundingBox, Point


@dataclass(frozen=True, slots=True)
class FaceLandmarks:
    """Five points in the original image's pixels. Left and right are the viewer's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point

    @property
    def points(self) -> tuple[Point, ...]:
        """All five, in the order above."""
        return (self.left_eye, self.right_eye, self.nose, self.left_mouth, self.right_mouth)

    def moved(self, source: BoundingBox, target: BoundingBox) -> FaceLandmarks:
        """The points of a face whose box moved, and grew or shrank, from one place to another."""
        across, down = target.width / source.width, target.height / source.height

        def move(point: Point) -> Point:
            return Point(
                target.x + (point.x - source.x) * across, target.y + (point.y - source.y) * down
            )

        return FaceLandmarks(*map(move, self.points))


@dataclass(frozen=True, slots=True)
class FaceDetection:
    """A face as a detector found it.

    Attributes:
        box: in the original image's pixels, clipped to the image.
        confidence: the detector's own score, in [0, 1].
        landmarks: None for detectors that find none.
    """

    box: BoundingBox
    confidence: float
    landmarks: FaceLandmarks | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")


@dataclass(frozen=True, slots=True)
class BoxFraming:
    """How a detector's boxes lie around faces, measured by where emotions are read best.

    Attributes:
        side: of the square that shows a face as the emotion networks know faces, in longer sides
            of its box.
        drop: how far the middle of that square lies below the box's, likewise.
    """

    side: float = 1.0
    drop: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.side <= 2 or not -0.5 <= self.drop <= 0.5:
            raise ValueError(f"a face cannot be framed like this: {self}")


BOX_ITSELF = BoxFraming()


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How good the crop of a face is.

    Attributes:
        sharpness: how much fine detail the crop holds; 0 for a flat or fully blurred one. The
            measure is defined where crops are cut, in ``adapters/inference``.
        brightness: mean luma of the crop, 0 (black) to 1 (white).
        size_px: longer side of the face box in the original's pixels.
    """

    sharpness: float
    brightness: float
    size_px: int


@dataclass(frozen=True, slots=True)
class ReliabilityThresholds:
    """Outside these limits a crop is classified measurably worse.

    See ``training/emotions/quality.md``.

    Attributes:
        min_sharpness: see ``FaceQuality``.
        min_brightness: likewise.
        max_brightness: likewise.
        min_size_px: likewise.
        min_score: of the dominant emotion, in [0, 1]. A crop unlike those the classifier was
            trained on gets scores that single out no emotion.
    """

    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_size_px: int
    min_score: float

    def accept(self, quality: FaceQuality, scores: EmotionScores) -> bool:
        """Whether these emotion scores of a crop of this quality are worth trusting."""
        return (
            quality.sharpness >= self.min_sharpness
            and self.min_brightness <= quality.brightness <= self.max_brightness
            and quality.size_px >= self.min_size_px
            and scores[scores.dominant] >= self.min_score
        )


@dataclass(frozen=True, slots=True)
class FaceReading:
    """The result of a classifier for one face.

    Attributes:
        scores: the distribution over the emotions.
        quality: of the crop the scores were read from.
        reliable: False if the crop is too small, dark, bright or blurred to trust the scores,
            or where they single out no emotion.
    """

    scores: EmotionScores
    quality: FaceQuality
    reliable: bool


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found and read."""

    detection: FaceDetection
    reading: FaceReading

    @property
    def dominant_emotion(self) -> Emotion:
        """The emotion with the highest score."""
        return self.reading.scores.dominant
