"""Analysing images, one or several at a time."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import Controller, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from application.accounts.metering import UsageMeter
from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.use_cases.history import ReadHistory
from domain.errors import BatchTooLarge
from entrypoints.http import operations
from entrypoints.http.authentication import (
    ANYONE,
    ID_IS_ENOUGH,
    USERS,
    AnyoneRequest,
    UserRequest,
    anyone,
    signed_in,
)
from entrypoints.http.errors import OF_ONE_RECORD, problems
from entrypoints.http.rate_limit import rate_limit_of, within_quota
from entrypoints.http.streaming import ClosingStream, event_stream
from entrypoints.http.uploads import (
    FORM_OVERHEAD_BYTES,
    bounded_image,
    file_too_large,
    receive_form,
)
from entrypoints.settings import Settings
from entrypoints.wire import detections

_FEW_FACES = 20


class DetectController(Controller):
    """One image, and where the storing of it stands."""

    tags = ("detection",)

    @post(
        operation_id="detect_emotions", response_description="What the image shows",
        summary="Analyse one image",
        operation_class=operations.single_image,
        status_code=200,
        guards=[anyone, within_quota],
        opt=ID_IS_ENOUGH,
        security=ANYONE,
        responses=problems(
            "missing_file", "invalid_image", "invalid_request", "invalid_token",
            "image_too_large", "image_dimensions_too_large", "image_too_costly",
            "unsupported_media_type", "quota_exceeded", "overloaded", "inference_unavailable",
            "store_unavailable",
        ),
    )  # fmt: skip
    async def detect(
        self,
        request: AnyoneRequest,
        detect_emotions: NamedDependency[DetectEmotions],
        settings: NamedDependency[Settings],
        meter: NamedDependency[UsageMeter],
    ) -> Response[detections.Detection]:
        """Find the faces of an image and read the emotion of each.

        Guests may do so a few times a day. The images and results of signed-in users go into their
        history; those of guests are never kept.
        """
        limit_bytes = settings.detection.max_upload_bytes
        (file, *_), _ = await receive_form(request, "file", file_too_large(limit_bytes))
        image = bounded_image(file, limit_bytes)
        detection = await detect_emotions.execute(request.user, image)
        headers = await rate_limit_of(request.user, meter, detection.timestamp)
        # Hundreds of faces take milliseconds; a few take less than handing them to a thread.
        if len(detection.faces) > _FEW_FACES:
            shown = await asyncio.to_thread(detections.present, detection)
        else:
            shown = detections.present(detection)
        return Response(shown, headers=headers)

    @get(
        "/status/{detection_id:uuid}",
        operation_id="get_storage_status",
        response_description="The state of the storing",
        summary="Whether a detection is stored yet",
        guards=[signed_in],
        opt=ID_IS_ENOUGH,
        security=USERS,
        responses=problems(*OF_ONE_RECORD),
    )
    async def status(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        read_history: NamedDependency[ReadHistory],
    ) -> detections.StorageStatus:
        """Say whether a detection is stored, waits, or could not be stored."""
        status = await read_history.status(request.user, detection_id)
        return detections.StorageStatus(detection_id=detection_id, status=status.value)


@post(
    "/batch",
    operation_id="detect_batch",
    tags=["detection"],
    summary="Analyse several images",
    operation_class=operations.several_images,
    status_code=200,
    media_type="text/event-stream",
    guards=[signed_in],
    opt=ID_IS_ENOUGH,
    security=USERS,
    responses={
        200: operations.answer(
            detections.BatchEvent,
            "One event `data: <json>` a file, as it finishes",
            "text/event-stream",
        ),
        **problems(
            "missing_file", "invalid_request", "batch_too_large", "not_authenticated",
            "invalid_token", "unsupported_media_type", "overloaded", "store_unavailable",
        ),
    },
)  # fmt: skip
async def detect_batch(
    request: UserRequest,
    detect_batch: NamedDependency[DetectBatch],
    settings: NamedDependency[Settings],
) -> ClosingStream:
    """Analyse a batch and answer with one server-sent event a file, in the order they finish.

    A file that cannot be analysed gives an event with `status: "error"`, and the others
    continue. The stream ends when all are done; disconnecting cancels what has not finished.
    """
    too_large = BatchTooLarge(
        f"a batch may hold {settings.detection.max_batch_size} files of "
        f"{settings.detection.max_upload_bytes} bytes each; this one has more",
        limit=settings.detection.max_batch_size,
    )
    files, _ = await receive_form(request, "files", too_large)
    # One too many is refused; to decode the names of all would take too long.
    files = files[: settings.detection.max_batch_size + 1]
    images = [bounded_image(file, settings.detection.max_upload_bytes) for file in files]
    outcomes = detect_batch.execute(request.user, images)
    return await event_stream(outcomes, detections.present_outcome)


def detect_routes(settings: Settings) -> list[Router]:
    """The calls that take images, each with the body size it needs."""
    path = f"{settings.server.api_prefix}/detect"
    one_file = settings.detection.max_upload_bytes + FORM_OVERHEAD_BYTES
    return [
        Router(path, route_handlers=[DetectController], request_max_body_size=one_file),
        Router(
            path,
            route_handlers=[detect_batch],
            request_max_body_size=settings.detection.max_batch_size * one_file,
        ),
    ]
