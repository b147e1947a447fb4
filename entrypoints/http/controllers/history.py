"""A user's history: listing, exporting, showing, drawing and erasing detections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode
from uuid import UUID

from litestar import Controller, MediaType, Response, delete, get
from litestar.datastructures import URL
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation

from application.ports.image_store import ImageStore
from application.use_cases.history import MAX_PAGE, EraseHistory, ReadHistory
from application.use_cases.show_image import ShowImage
from application.work.fair_semaphore import FairSemaphore
from domain.detection import HistoryFilter
from domain.errors import InvalidRequest, NotFound
from entrypoints.http import exports, operations, records
from entrypoints.http.authentication import USERS, UserRequest, signed_in
from entrypoints.http.errors import OF_ONE_RECORD, OF_USERS, problems
from entrypoints.http.media_urls import MediaUrls
from entrypoints.http.queries import one_of_or_empty
from entrypoints.http.timeline import timeline_svg
from entrypoints.wire import detections

_MAX_SKIP = 1_000_000_000
# A record may be erased, so browsers must not keep a drawing of it.
_NOT_KEPT = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
# What clients send with every call; anything else may be meant to select records.
_BODIES_THAT_SAY_NOTHING = (b"", b"{}", b"null")


class HistoryController(Controller):
    """The history."""

    path = "/history"
    tags = ("history",)
    guards = (signed_in,)
    security = USERS

    @get(
        operation_id="list_history",
        summary="List my detections",
        operation_class=operations.page_of_history,
        responses={
            200: operations.answer(list[detections.Detection], "A page of detections"),
            **problems("invalid_request", *OF_USERS),
        },
    )
    async def list_history(
        self,
        request: UserRequest,
        history_filter: NamedDependency[HistoryFilter],
        read_history: NamedDependency[ReadHistory],
        record_semaphore: NamedDependency[FairSemaphore],
        media_urls: NamedDependency[MediaUrls],
        image_store: NamedDependency[SkipValidation[ImageStore]],
        skip: Annotated[
            int, QueryParameter(ge=0, le=_MAX_SKIP, description="Records to leave out.")
        ] = 0,
        limit: Annotated[
            int, QueryParameter(ge=1, le=MAX_PAGE, description="Records at most.")
        ] = 10,
    ) -> Response[Any]:
        """List the user's detections, newest first."""
        total, parts = await read_history.page(request.user, history_filter, skip=skip, limit=limit)
        headers = {
            "X-Total-Count": str(total),
            "Link": _link_header(request.url, skip=skip, limit=limit, total=total),
            "Cache-Control": "no-store",
        }
        chunks = records.write_parts(
            parts,
            lambda part: exports.json_elements(part, media_urls, image_store),
            semaphore=record_semaphore,
            sender=request.user.sender,
        )
        return await records.answer(
            exports.json_array(chunks), request.scope, media_type=MediaType.JSON, headers=headers
        )

    @get(
        "/export",
        operation_id="export_history",
        summary="Download my history",
        operation_class=operations.history_download,
        responses={
            200: operations.answer(
                list[detections.Detection], "All matching detections, newest first"
            ),
            **problems("invalid_request", *OF_USERS),
        },
    )
    async def export(
        self,
        request: UserRequest,
        history_filter: NamedDependency[HistoryFilter],
        read_history: NamedDependency[ReadHistory],
        record_semaphore: NamedDependency[FairSemaphore],
        media_urls: NamedDependency[MediaUrls],
        format: Annotated[  # noqa: A002
            Literal["csv", "json"],
            QueryParameter(
                description="The format of the download.",
                schema_extra=one_of_or_empty("csv", "json"),
            ),
        ] = "json",
    ) -> Response[Any]:
        """Download all records, newest first, as a JSON array or a table with a row per face."""
        parts = read_history.everything(request.user, history_filter)
        headers = {
            "Content-Disposition": f'attachment; filename="emotions.{format}"',
            "Cache-Control": "no-store",
        }
        write: records.Write
        if format == "csv":
            media_type = "text/csv"
            write = partial(exports.csv_lines, urls=media_urls)
            wrap = partial(exports.csv_table, header=exports.csv_header())
        else:
            media_type = MediaType.JSON
            write = partial(
                exports.json_elements, urls=media_urls, separator=exports.SEPARATOR_IN_FILES
            )
            wrap = partial(exports.json_array, separator=exports.SEPARATOR_IN_FILES)
        chunks = records.write_parts(
            parts, write, semaphore=record_semaphore, sender=request.user.sender
        )
        return await records.answer(
            wrap(chunks), request.scope, media_type=media_type, headers=headers
        )

    @get(
        "/{detection_id:uuid}",
        operation_id="get_detection",
        summary="Show one of my detections",
        responses={
            200: operations.answer(detections.Detection, "The detection"),
            **problems(*OF_ONE_RECORD),
        },
    )
    async def get_detection(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        read_history: NamedDependency[ReadHistory],
        record_semaphore: NamedDependency[FairSemaphore],
        media_urls: NamedDependency[MediaUrls],
        image_store: NamedDependency[SkipValidation[ImageStore]],
    ) -> Response[Any]:
        """Show a detection."""

        async def found() -> records.Parts:
            yield [await read_history.one(request.user, detection_id)]

        chunks = records.write_parts(
            found(),
            lambda part: exports.json_elements(part, media_urls, image_store),
            semaphore=record_semaphore,
            sender=request.user.sender,
        )
        headers = {"Cache-Control": "no-store"}
        return await records.answer(
            chunks, request.scope, media_type=MediaType.JSON, headers=headers
        )

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

    @delete(
        "/{detection_id:uuid}",
        operation_id="delete_detection",
        response_description="Erased",
        summary="Erase one of my detections",
        responses=problems(*OF_ONE_RECORD),
    )
    async def delete_detection(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        erase_history: NamedDependency[EraseHistory],
    ) -> None:
        """Erase a detection and its image."""
        await erase_history.one(request.user, detection_id)

    @delete(
        operation_id="delete_history",
        response_description="How many were erased",
        summary="Erase my whole history",
        status_code=200,
        responses=problems("invalid_request", "request_too_large", *OF_USERS),
    )
    async def delete_history(
        self, request: UserRequest, erase_history: NamedDependency[EraseHistory]
    ) -> detections.Deleted:
        """Erase everything that is kept for the user, images included."""
        # Routing ignores a slash at the end, which a client sends that left out the id.
        if unquote_to_bytes(request.scope["raw_path"]).endswith(b"/"):
            raise NotFound("the path lacks the id of a record")
        for name in request.query_params:
            raise InvalidRequest(
                f"this call erases the whole history and takes no parameter '{name}'", field=name
            )
        if (await request.body()).strip() not in _BODIES_THAT_SAY_NOTHING:
            raise InvalidRequest(
                "this call erases the whole history and takes no body; delete records one by one"
            )
        return detections.Deleted(deleted=await erase_history.everything(request.user))


def _link_header(url: URL, *, skip: int, limit: int, total: int) -> str:
    """The links to the first, previous, next and last page (RFC 8288); filters are kept.

    The targets are relative, so that they are valid behind any proxy.
    """
    first = skip % limit if skip else 0
    last = first + (total - 1 - first) // limit * limit if total > first else 0
    starts = {"first": 0}
    if skip > 0:
        starts["prev"] = min(max(skip - limit, 0), last)
    if skip + limit < total:
        starts["next"] = skip + limit
    starts["last"] = last
    kept = [
        pair
        for pair in parse_qsl(url.query, keep_blank_values=True)
        if pair[0] not in {"skip", "limit"}
    ]
    return ", ".join(
        f'<{url.path}?{urlencode([*kept, ("skip", start), ("limit", limit)])}>; rel="{relation}"'
        for relation, start in starts.items()
    )
