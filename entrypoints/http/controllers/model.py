"""Which models run."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from entrypoints.http.errors import problems
from entrypoints.wire import service


@get(
    "/model",
    operation_id="get_model",
    response_description="The models",
    summary="Which models run now",
    tags=["service"],
    responses=problems("inference_unavailable"),
)
async def get_model(
    face_detector: NamedDependency[SkipValidation[FaceDetector]],
    emotion_classifier: NamedDependency[SkipValidation[EmotionClassifier]],
) -> service.Model:
    """Show the detector and the classifier, their versions, and how accurate they were measured."""
    return service.present_model(face_detector, emotion_classifier)
