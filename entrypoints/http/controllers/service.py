"""The service itself: whether it is alive and ready, its metrics, and which models run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST

from application.errors import ServiceUnavailable
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.identity_provider import IdentityProvider
from application.ports.image_store import ImageStore
from application.ports.message_channel import MessageChannel
from entrypoints.http import operations
from entrypoints.http.errors import problems
from entrypoints.http.metrics import MetricsText
from entrypoints.settings import Settings
from entrypoints.wire import service

_TIMEOUT_S = 2.0
_NEEDED = ("repository", "spool", "emotion_classifier")

log = structlog.get_logger(__name__)


@get(
    "/healthz",
    operation_id="healthz",
    response_description="It is alive",
    summary="Whether the process is alive",
    tags=["service"],
)
async def healthz() -> service.Health:
    """Answer as long as the process runs."""
    return service.Health()


@get(
    "/readyz",
    operation_id="readyz",
    response_description="It is ready",
    summary="Whether the service is ready",
    tags=["service"],
    responses={503: operations.answer(service.Readiness, "A part that is needed is down")},
)
async def readyz(
    repository: NamedDependency[SkipValidation[DetectionRepository]],
    spool: NamedDependency[SkipValidation[DetectionSpool]],
    image_store: NamedDependency[SkipValidation[ImageStore]],
    identity_provider: NamedDependency[SkipValidation[IdentityProvider]],
    emotion_classifier: NamedDependency[SkipValidation[EmotionClassifier]],
    message_channel: NamedDependency[SkipValidation[MessageChannel]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[service.Readiness]:
    """Say of each part whether it is up.

    Three parts decide the status: the repository, which holds accounts, quotas and the history;
    the spool, without which no image of a user is accepted; and the classifier, without which
    nothing is analysed. The service works without the others: images wait on disk for the image
    store, users stay signed in without the identity provider, and without Redis each process works
    by itself.
    """
    checks = {
        "repository": repository.check,
        "spool": spool.check,
        "image_store": image_store.check,
        "identity_provider": identity_provider.check,
        "emotion_classifier": emotion_classifier.check,
    }
    if settings.realtime.redis_url is not None:
        checks["redis"] = message_channel.check
    states = await asyncio.gather(*(_state(name, check) for name, check in checks.items()))
    services = dict(zip(checks, states, strict=True))
    ready = all(services[name] == "up" for name in _NEEDED)
    return Response(
        service.Readiness(status="ready" if ready else "not ready", services=services),
        status_code=200 if ready else 503,
    )


async def _state(name: str, check: Callable[[], Awaitable[None]]) -> service.State:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await check()
    except (ServiceUnavailable, TimeoutError) as error:
        log.warning("health check failed", service=name, reason=str(error) or "no answer in time")
        return "down"
    return "up"


@get(
    "/metrics",
    operation_id="metrics",
    response_description="The metrics",
    summary="Metrics for Prometheus",
    tags=["service"],
    media_type="text/plain",
)
async def metrics(
    metrics_text: NamedDependency[SkipValidation[MetricsText]],
) -> Response[bytes]:
    """Show all metrics in the text format of Prometheus."""
    media_type = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")  # Litestar adds it again
    return Response(await metrics_text.render(), media_type=media_type)


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
