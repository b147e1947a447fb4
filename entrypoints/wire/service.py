"""The service itself: its models, its state, and its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from entrypoints.wire.faces import PixelCount


class Detector(Struct, kw_only=True):
    """What finds the faces."""

    name: Annotated[str, Meta(examples=["face-pyramid"])]
    version: Annotated[str, Meta(examples=["1.0.0"])]
    measured: Annotated[
        dict[str, Any],
        Meta(
            description="Recall by size, false boxes, calibration, and on which data; may be empty."
        ),
    ]


class InputSize(Struct, kw_only=True):
    """Size in pixels of the face crops the classifier reads."""

    width: PixelCount
    height: PixelCount


class Classifier(Struct, kw_only=True):
    """What reads the emotions."""

    name: str
    version: str
    labels: list[str]
    input_size: InputSize
    measured: Annotated[
        dict[str, Any],
        Meta(description="Accuracy per class, calibration error, and on which data; may be empty."),
    ]


class Model(Struct, kw_only=True):
    """What runs now."""

    detector: Detector
    classifier: Classifier


class Health(Struct, kw_only=True):
    """The process answers."""

    status: Annotated[Literal["ok"], Meta(examples=["ok"])] = "ok"


State = Literal["up", "down"]


class Readiness(Struct, kw_only=True):
    """Whether the service can do its work."""

    status: Literal["ready", "not ready"]
    services: Annotated[
        dict[str, State], Meta(examples=[{"repository": "up", "image_store": "up"}])
    ]


class Welcome(Struct, kw_only=True):
    """Where the documentation is."""

    message: str
    docs: Annotated[str, Meta(examples=["/docs"])]
    redoc: Annotated[str, Meta(examples=["/redoc"])]


def present_model(detector: FaceDetector, classifier: EmotionClassifier) -> Model:
    """The detector and the classifier that run."""
    card = classifier.card
    return Model(
        detector=Detector(
            name=detector.name, version=detector.version, measured=dict(detector.measured)
        ),
        classifier=Classifier(
            name=card.name,
            version=card.version,
            labels=list(card.labels),
            input_size=InputSize(width=card.input_width, height=card.input_height),
            measured=dict(card.measured),
        ),
    )
