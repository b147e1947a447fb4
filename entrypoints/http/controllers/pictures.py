"""What is kept for a user, drawn."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from application.use_cases.annotate_detection import AnnotateDetection
from application.use_cases.history import GetDetection
from domain.errors import NotFound
from entrypoints.http.authentication import UserRequest, signed_in
from entrypoints.http.errors import OF_ONE_RECORD, problems
from entrypoints.http.operations import Picture
from entrypoints.http.security import USERS
from entrypoints.http.timeline import timeline_svg

# A record never changes, but it may be erased: nobody keeps a picture of it.
_NOT_KEPT = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}


class PicturesController(Controller):
    """Pictures of records."""

    path = "/history"
    tags = ("history",)
    guards = (signed_in,)
    security = USERS

    @get(
        "/{detection_id:uuid}/annotated",
        operation_id="get_annotated_image",
        summary="Show one of my photographs with its faces boxed and named",
        operation_class=Picture,
        media_type="image/jpeg",
        responses={
            200: ResponseSpec(
                data_container=bytes,
                description="A JPEG of the photograph's size",
                media_type="image/jpeg",
                generate_examples=False,
            ),
            **problems(*OF_ONE_RECORD, "overloaded"),
        },
    )
    async def annotated(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        annotate_detection: NamedDependency[AnnotateDetection],
    ) -> Response[bytes]:
        """Draw each face with its number and emotion; 404 for a stream, which has no image."""
        drawn = await annotate_detection.execute(request.user, detection_id)
        return Response(drawn, media_type="image/jpeg", headers=_NOT_KEPT)

    @get(
        "/{detection_id:uuid}/timeline.svg",
        operation_id="get_timeline",
        summary="Show one of my realtime sessions as a picture",
        media_type="image/svg+xml",
        responses={
            200: ResponseSpec(
                data_container=str,
                description="For each face bars over time, in the colour of its emotion",
                media_type="image/svg+xml",
                generate_examples=False,
            ),
            **problems(*OF_ONE_RECORD),
        },
    )
    async def timeline(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        get_detection: NamedDependency[GetDetection],
    ) -> Response[bytes]:
        """Draw the emotions of a session over time; 404 for a photograph."""
        detection = await get_detection.execute(request.user, detection_id)
        if detection.stream is None:
            raise NotFound("this is a photograph; only a stream has a timeline")
        # Thousands of bars take milliseconds, in which the loop would serve nobody.
        drawn = await asyncio.to_thread(timeline_svg, detection.stream)
        return Response(drawn.encode(), media_type="image/svg+xml", headers=_NOT_KEPT)
