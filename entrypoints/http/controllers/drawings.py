"""Drawings of what the history keeps: images with boxes, and timelines of sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from application.use_cases.history import ReadHistory
from application.use_cases.show_image import ShowImage
from application.work.fair_semaphore import FairSemaphore
from domain.errors import NotFound
from entrypoints.http import operations, records
from entrypoints.http.authentication import USERS, UserRequest, signed_in
from entrypoints.http.errors import OF_ONE_RECORD, problems
from entrypoints.http.timeline import timeline_svg

# A record may be erased, so browsers must not keep a drawing of it.
_NOT_KEPT = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}


class DrawingsController(Controller):
    """Drawings of records."""

    path = "/history"
    tags = ("history",)
    guards = (signed_in,)
    security = USERS

    @get(
        "/{detection_id:uuid}/annotated",
        operation_id="get_annotated_image",
        summary="Show one of my images with its faces marked",
        operation_class=operations.image_file,
        media_type="image/jpeg",
        responses={
            200: operations.answer(bytes, "A JPEG as large as the image", "image/jpeg"),
            **problems(*OF_ONE_RECORD, "overloaded"),
        },
    )
    async def annotated(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        show_image: NamedDependency[ShowImage],
    ) -> Response[bytes]:
        """Draw each face with its number and emotion; 404 for a session, which has no image."""
        drawn = await show_image.with_faces(request.user, detection_id)
        return Response(drawn, media_type="image/jpeg", headers=_NOT_KEPT)

    @get(
        "/{detection_id:uuid}/timeline.svg",
        operation_id="get_timeline",
        summary="Draw one of my live sessions over time",
        media_type="image/svg+xml",
        responses={
            200: operations.answer(
                str, "For each face bars over time, in the colour of its emotion", "image/svg+xml"
            ),
            **problems(*OF_ONE_RECORD),
        },
    )
    async def timeline(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        read_history: NamedDependency[ReadHistory],
        record_semaphore: NamedDependency[FairSemaphore],
    ) -> Response[Any]:
        """Draw the emotions of a session over time; 404 for an image."""

        async def drawn() -> AsyncGenerator[bytes, None]:
            # Thousands of bars take megabytes, and milliseconds on a thread.
            async with record_semaphore.hold(request.user.sender):
                detection = await read_history.one(request.user, detection_id)
                if detection.summary is None:
                    raise NotFound("this is an image; only a session has a timeline")
                svg = await asyncio.to_thread(timeline_svg, detection.summary)
                del detection
            yield svg.encode()

        return await records.answer(
            drawn(), request.scope, media_type="image/svg+xml", headers=_NOT_KEPT
        )
