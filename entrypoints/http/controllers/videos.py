"""Recorded videos: sending, following, fetching, erasing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from application.accounts.links import LinkSignature
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.read_videos import ReadVideos
from application.use_cases.submit_video import SubmitVideo
from application.work.fair_semaphore import FairSemaphore
from domain.errors import InvalidLink, InvalidRequest
from domain.video import (
    DEFAULT_STEP_S,
    MAX_FRAMES_PER_SECOND,
    MAX_STEP_S,
    AnalysedFrame,
    Sampling,
    Video,
)
from entrypoints.http import exports, operations, records
from entrypoints.http.authentication import USERS, UserRequest, signed_in
from entrypoints.http.body import BodyRequest
from entrypoints.http.errors import OF_ONE_RECORD, OF_USERS, RangeNotSatisfiable, problems
from entrypoints.http.media_urls import MediaUrls, video_path
from entrypoints.http.queries import one_of_or_empty
from entrypoints.http.streaming import ClosingStream, event_stream
from entrypoints.http.uploads import FORM_OVERHEAD_BYTES, receive_form
from entrypoints.settings import Settings
from entrypoints.wire import frame_table, videos
from entrypoints.wire.conditional_requests import is_held

_RANGE = re.compile(r"(?i)bytes=(\d{0,18})-(\d{0,18})")
_MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
}


class VideoCollectionController(Controller):
    """Sending a video, and listing those in work."""

    tags = ("videos",)
    guards = (signed_in,)
    security = USERS

    @post(
        operation_id="submit_video",
        response_description="It is kept and will be analysed",
        summary="Send a video to be analysed",
        operation_class=operations.single_video,
        status_code=202,
        responses=problems(
            "missing_file", "invalid_video", "invalid_request", "not_authenticated",
            "invalid_token", "video_too_large", "video_too_long", "unsupported_media_type",
            "too_many_videos", "inference_unavailable", "store_unavailable",
        ),
    )  # fmt: skip
    async def submit(
        self,
        request: UserRequest,
        settings: NamedDependency[Settings],
        submit_video: NamedDependency[SubmitVideo],
        media_urls: NamedDependency[MediaUrls],
    ) -> Response[videos.Video]:
        """Accept a video.

        Once this is answered, the video survives a crash. It is queued; a `GET` of the address in
        `Location` shows its progress.
        """
        limits = settings.video.limits
        async with submit_video.hold_place(request.user):
            (file, *_), texts = await receive_form(
                request, "file", limits.too_large(), settings.stores.videos_dir
            )
            video = await submit_video.execute(
                request.user,
                file.chunks(),
                filename=file.filename,
                size_bytes=file.size,
                sampling=_sampling(texts),
            )
        path = f"{settings.server.videos_path}/{video.video_id}"
        return Response(_present(video, media_urls), headers={"Location": path})

    @get(
        operation_id="list_videos",
        response_description="Those that are queued, running or failed, the newest first",
        summary="List my videos that are not in the history yet",
        responses=problems(*OF_USERS),
    )
    async def list_videos(
        self,
        request: UserRequest,
        read_videos: NamedDependency[ReadVideos],
        media_urls: NamedDependency[MediaUrls],
    ) -> Response[list[videos.Video]]:
        """List the videos that are queued, running or failed; the others are in the history."""
        found = await read_videos.unfinished(request.user)
        shown = [_present(video, media_urls) for video in found]
        return Response(shown, headers={"Cache-Control": "no-store"})


class VideoController(Controller):
    """The work on one video, and its results."""

    path = "/videos"
    tags = ("videos",)
    guards = (signed_in,)
    security = USERS

    @get(
        "/{video_id:uuid}",
        operation_id="get_video",
        response_description="How far it is",
        summary="Show one of my videos",
        responses=problems(*OF_ONE_RECORD),
    )
    async def get_video(
        self,
        request: UserRequest,
        video_id: FromPath[UUID],
        read_videos: NamedDependency[ReadVideos],
        media_urls: NamedDependency[MediaUrls],
    ) -> Response[videos.Video]:
        """Show the progress of a video."""
        video = await read_videos.one(request.user, video_id)
        return Response(_present(video, media_urls), headers={"Cache-Control": "no-store"})

    @get(
        "/{video_id:uuid}/events",
        operation_id="follow_video",
        summary="Follow the work on one of my videos",
        media_type="text/event-stream",
        responses={
            200: operations.answer(
                videos.Video,
                "One event `data: <json>` at every change, at most twice a second",
                "text/event-stream",
            ),
            **problems(*OF_ONE_RECORD),
        },
    )
    async def events(
        self,
        request: UserRequest,
        video_id: FromPath[UUID],
        read_videos: NamedDependency[ReadVideos],
        media_urls: NamedDependency[MediaUrls],
    ) -> ClosingStream:
        """Send every change as a server-sent event, until the work has ended or the token is not
        accepted any more.
        """
        changes = read_videos.changes(request.user, video_id, request.auth)
        return await event_stream(changes, partial(_present, urls=media_urls))

    @delete(
        "/{video_id:uuid}",
        operation_id="delete_video",
        response_description="Erased",
        summary="Erase one of my videos",
        responses=problems(*OF_ONE_RECORD),
    )
    async def delete_video(
        self,
        request: UserRequest,
        video_id: FromPath[UUID],
        erase_videos: NamedDependency[EraseVideos],
    ) -> None:
        """Stop the analysis if it is running, and erase record, frames, file and entry in the
        history.
        """
        await erase_videos.one(request.user, video_id)

    @get(
        "/{video_id:uuid}/frames",
        operation_id="get_video_frames",
        summary="Download the analysed frames of one of my videos",
        operation_class=operations.frames_download,
        responses={
            200: operations.answer(
                list[frame_table.FrameRow],  # type: ignore[valid-type]
                "A row for each analysed frame and face, in order",
            ),
            **problems(*OF_ONE_RECORD),
        },
    )
    async def frames(
        self,
        request: UserRequest,
        video_id: FromPath[UUID],
        read_videos: NamedDependency[ReadVideos],
        record_semaphore: NamedDependency[FairSemaphore],
        format: Annotated[  # noqa: A002
            Literal["json", "jsonl", "csv"],
            QueryParameter(
                description="The format of the download.",
                schema_extra=one_of_or_empty("json", "jsonl", "csv"),
            ),
        ] = "json",
    ) -> Response[Any]:
        """Download a row for each analysed frame and face, and one for a frame without any.

        While the video is being analysed, these are the frames so far.
        """
        # Analysed frames take many times the memory of their bytes; see ``write_parts``.
        table = records.write_parts(
            read_videos.frames(request.user, video_id),
            _WRITE[format],
            semaphore=record_semaphore,
            sender=request.user.sender,
        )
        if format == "json":
            table = exports.json_array(table, separator=exports.SEPARATOR_IN_FILES)
        elif format == "csv":
            table = exports.csv_table(table, header=frame_table.header().encode())
        headers = {
            "Content-Disposition": f'attachment; filename="frames.{format}"',
            "Cache-Control": "no-store",
        }
        media_type = _MEDIA_TYPES[format]
        return await records.answer(table, request.scope, media_type=media_type, headers=headers)


@get(
    "/videos/{video_id:uuid}/file",
    operation_id="get_video_file",
    tags=["videos"],
    summary="Play a video",
    operation_class=operations.video_file,
    media_type="video/mp4",
    responses={
        200: operations.answer(bytes, "The file as it was sent", "video/mp4"),
        206: operations.answer(bytes, "The stretch that `Range` asks for", "video/mp4"),
        304: operations.answer(None, "Unchanged (`If-None-Match`)"),
        **problems(
            "invalid_request", "invalid_link", "not_found", "range_not_satisfiable",
            "store_unavailable",
        ),
    },
)  # fmt: skip
async def get_video_file(
    request: BodyRequest[Any],
    video_id: FromPath[UUID],
    settings: NamedDependency[Settings],
    read_videos: NamedDependency[ReadVideos],
    expires: Annotated[str | None, QueryParameter(description="When the link expires.")] = None,
    signature: Annotated[
        str | None, QueryParameter(description="The signature of the link.")
    ] = None,
) -> Response[Any]:
    """Serve the file, or a part of it, to everybody with the link of a `file_url`."""
    if signature is None:
        raise InvalidLink("a video is played by the link in its `file_url`")
    path = video_path(settings.server.videos_path, video_id)
    link = LinkSignature(expires or "", signature)
    video = await read_videos.linked(path, link, video_id)
    etag = f'"{video.video_id.hex}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        # The file never changes, but may be erased, so browsers have to ask each time.
        "Cache-Control": "private, no-cache",
        "Content-Disposition": "inline",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        # Pages of other origins may show it: having the link is enough.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if is_held(request.headers, etag):
        return Response(b"", status_code=304, headers=headers)
    wanted = _wanted_range(request.headers, video.size_bytes, etag)
    start, end = wanted or (0, None)
    part = await read_videos.part(video, start=start, end=end)
    headers["Content-Length"] = str(part.end - part.start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.size}"
    return ClosingStream(
        part.chunks,
        status_code=200 if wanted is None else 206,
        media_type=video.media_type,
        headers=headers,
    )


def _present(video: Video, urls: MediaUrls) -> videos.Video:
    path = f"{urls.videos_path}/{video.video_id}"
    return videos.present(video, path=path, file_url=urls.of_video(video))


def _sampling(fields: Mapping[str, str]) -> Sampling:
    rate = _number(fields, "frames_per_second", 1 / DEFAULT_STEP_S)
    if not 1 / MAX_STEP_S <= rate <= MAX_FRAMES_PER_SECOND:
        raise InvalidRequest(
            f"frames_per_second must lie between 1/{MAX_STEP_S:.0f} and "
            f"{MAX_FRAMES_PER_SECOND:.0f}",
            field="frames_per_second",
        )
    to_s = _number(fields, "to", math.inf)
    return Sampling(1 / rate, _number(fields, "from", 0.0), None if math.isinf(to_s) else to_s)


def _number(fields: Mapping[str, str], name: str, default: float) -> float:
    text = fields.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest(f"{name} must be a number", field=name)
    return value


def _wanted_range(
    headers: Mapping[str, str], size: int, etag: str
) -> tuple[int, int | None] | None:
    """Where the requested part begins and ends; None for the whole file.

    One range is served; several ranges or other units get the whole file (RFC 9110, 14.2).

    Raises:
        RangeNotSatisfiable: it begins after the end of the file.
    """
    asked = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or headers.get("if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), int(last) + 1 if last else size
        if last and end <= start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(f"the file has {size} bytes", size=size)
    return start, end


_WRITE: Mapping[str, Callable[[Sequence[AnalysedFrame]], bytes]] = {
    "json": partial(frame_table.json_rows, separator=exports.SEPARATOR_IN_FILES),
    "jsonl": frame_table.json_lines,
    "csv": lambda frames: frame_table.csv_lines(frames).encode(),
}


def video_routes(settings: Settings) -> list[Router]:
    """The calls about videos; the one that takes them with the body size it needs."""
    whole = settings.video.limits.max_bytes + FORM_OVERHEAD_BYTES
    return [
        Router(
            settings.server.videos_path,
            route_handlers=[VideoCollectionController],
            request_max_body_size=whole,
        ),
        Router(settings.server.api_prefix, route_handlers=[VideoController, get_video_file]),
    ]
