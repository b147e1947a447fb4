"""Faces in images and in frames of live sessions."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

import domain.face
import domain.session
from domain.emotion import Emotion, EmotionScores

Share = Annotated[float, Meta(ge=0, le=1)]
PixelCount = Annotated[int, Meta(ge=1)]
TrackId = Annotated[str, Meta(pattern="^face_[1-9][0-9]*$", examples=["face_1"])]


class EmotionScore(Struct, kw_only=True):
    """How likely one emotion is."""

    emotion: Emotion
    score: Annotated[Share, Meta(description="Probability; all of them sum to 1.", examples=[0.92])]
    percentage: Annotated[
        float, Meta(ge=0, le=100, description="100 × score.", examples=[92.0])
    ]  # fmt: skip


_EXAMPLE = [
    {"emotion": emotion.value, "score": percentage / 100, "percentage": percentage}
    for emotion, percentage in zip(Emotion, (92.0, 4.0, 2.0, 0.75, 0.5, 0.5, 0.25), strict=False)
]

Box = Annotated[
    list[int],
    Meta(
        min_length=4,
        max_length=4,
        description="`[x, y, width, height]` in pixels of the upright image, origin top left.",
        examples=[[169, 73, 110, 110]],
    ),
]
Emotions = Annotated[
    list[EmotionScore],
    Meta(
        min_length=len(Emotion),
        max_length=len(Emotion),
        description="All of them, most likely first.",
        examples=[_EXAMPLE],
    ),
]
Confidence = Annotated[Share, Meta(description="How sure the detector is.", examples=[0.97])]
Reliable = Annotated[
    bool,
    Meta(
        description="False where the face is too small, dark, bright or blurred to trust, or "
        "where no score reaches 0.5.",
        examples=[True],
    ),
]


class Quality(Struct, kw_only=True):
    """How good the crop of the face is."""

    sharpness: Annotated[
        float, Meta(ge=0, description="0 for a flat or fully blurred face.", examples=[0.39])
    ]
    brightness: Annotated[
        Share, Meta(description="Mean brightness, 0 black to 1 white.", examples=[0.57])
    ]
    size_px: Annotated[PixelCount, Meta(description="Longer side of the box.", examples=[110])]


class Face(Struct, kw_only=True):
    """One face in an image."""

    box: Box
    emotions: Emotions
    dominant_emotion: Emotion
    detection_confidence: Confidence
    quality: Quality
    reliable: Reliable


Point = Annotated[list[float], Meta(min_length=2, max_length=2, description="`[x, y]` in pixels.")]


class Landmarks(Struct, kw_only=True):
    """Five points of a face; left and right are the viewer's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class TrackedFace(Struct, kw_only=True):
    """One face in a frame of a live session."""

    tracking_id: Annotated[TrackId, Meta(description="Stays with the face while it is seen.")]
    face_id: Annotated[TrackId, Meta(description="The same as `tracking_id`.")]
    emotions: Annotated[Emotions, Meta(description="All of them; smoothed if so configured.")]
    dominant_emotion: Emotion
    detection_confidence: Confidence
    predicted: Annotated[bool, Meta(description="The box follows from earlier frames.")]
    quality: Quality
    reliable: Reliable
    box: Annotated[
        Box | UnsetType, Meta(description="In pixels of the frame; left out if so configured.")
    ] = UNSET
    landmarks: Annotated[
        Landmarks | UnsetType | None,
        Meta(
            description="Sent if so configured; null where the detector finds none. Those of a "
            "predicted box moved with it."
        ),
    ] = UNSET


def present(face: domain.face.Face) -> Face:
    """A face in an image."""
    box = face.detection.box
    return Face(
        box=[box.x, box.y, box.width, box.height],
        detection_confidence=face.detection.confidence,
        emotions=_emotions(face.reading.scores),
        dominant_emotion=face.dominant_emotion,
        quality=_quality(face.reading.quality),
        reliable=face.reading.reliable,
    )


def present_tracked(
    face: domain.session.TrackedFace, *, with_box: bool, with_landmarks: bool
) -> TrackedFace:
    """A face in a frame."""
    track, box = face.track, face.track.box
    shown = TrackedFace(
        tracking_id=track.track_id,
        face_id=track.track_id,
        detection_confidence=track.confidence,
        predicted=track.predicted,
        emotions=_emotions(face.reading.scores),
        dominant_emotion=face.dominant_emotion,
        quality=_quality(face.reading.quality),
        reliable=face.reading.reliable,
    )
    if with_box:
        shown.box = [box.x, box.y, box.width, box.height]
    if with_landmarks:
        shown.landmarks = None if track.landmarks is None else _landmarks(track.landmarks)
    return shown


def _quality(quality: domain.face.FaceQuality) -> Quality:
    return Quality(
        sharpness=quality.sharpness, brightness=quality.brightness, size_px=quality.size_px
    )


def _emotions(scores: EmotionScores) -> list[EmotionScore]:
    return [
        EmotionScore(emotion=emotion, score=score, percentage=_percentage(score))
        for emotion, score in scores.ranked()
    ]


def _percentage(score: float) -> float:
    """100 × score, without the rounding error of a product such as 100 × 0.57."""
    return float(f"{100 * score:.9g}")


def _landmarks(found: domain.face.FaceLandmarks) -> Landmarks:
    points = ([round(point.x, 1), round(point.y, 1)] for point in found.points)
    return Landmarks(**dict(zip(Landmarks.__struct_fields__, points, strict=True)))
