"""How OpenAPI describes calls whose bodies are not plain JSON: for ``operation_class``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from litestar.enums import MediaType, RequestEncodingType
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)

from domain.formats import (
    IMAGE_FORMATS_IN_WORDS,
    SHOWN_BY_BROWSERS,
    VIDEO_FORMATS,
    VIDEO_FORMATS_IN_WORDS,
)
from domain.video import DEFAULT_STEP_S, MAX_FRAMES_PER_SECOND, MAX_STEP_S
from entrypoints.http.rate_limit import RATE_LIMIT_MEANINGS

_FILE = Schema(
    type=OpenAPIType.STRING,
    # OpenAPI 3.1 uses the first, client generators the second.
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description=f"{IMAGE_FORMATS_IN_WORDS} are read, recognised by content: of a GIF the first "
    "frame, of a TIFF the first page.",
)
_VIDEO_TYPES = tuple(each.media_type for each in VIDEO_FORMATS)
_VIDEO = Schema(
    type=OpenAPIType.STRING,
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description=f"{VIDEO_FORMATS_IN_WORDS} are read, recognised by content.",
)
_FRAMES_PER_SECOND = Schema(
    type=OpenAPIType.NUMBER,
    minimum=1 / MAX_STEP_S,
    maximum=MAX_FRAMES_PER_SECOND,
    default=round(1 / DEFAULT_STEP_S),
    description="How many frames of each second are analysed.",
)
_FROM = Schema(
    type=OpenAPIType.NUMBER, minimum=0, default=0, description="Where to begin, in seconds."
)
_TO = Schema(
    type=OpenAPIType.NUMBER,
    exclusive_minimum=0,
    description="Where to end, in seconds; left out, at the end of the video.",
)


def answer(kind: object, description: str, media_type: str = MediaType.JSON) -> ResponseSpec:
    """Documents an answer: the type of its content, and what it means."""
    return ResponseSpec(
        data_container=cast("type[Any]", kind),
        description=description,
        media_type=media_type,
        generate_examples=False,
    )


def _completed_by(complete: Callable[[Operation], None]) -> type[Operation]:
    """The ``operation_class`` of calls that a function goes on to describe."""

    class Completed(Operation):
        def __post_init__(self) -> None:
            complete(self)

    return dataclass(Completed)


@_completed_by
def single_image(operation: Operation) -> None:
    """A form with one file; a guest's answer has the headers of the quota."""
    operation.request_body = _form("file", _FILE)
    _success(operation).headers = {
        name: _header(OpenAPIType.INTEGER, f"{meaning} Guests only.")
        for name, meaning in RATE_LIMIT_MEANINGS.items()
    }


@_completed_by
def several_images(operation: Operation) -> None:
    """A form with several files, answered by a stream of events that hold JSON as text."""
    several = Schema(type=OpenAPIType.ARRAY, items=_FILE, min_items=1)
    operation.request_body = _form("files", several)
    stream = _content(operation)["text/event-stream"]
    data = Schema(
        type=OpenAPIType.STRING,
        content_media_type="application/json",
        content_schema=stream.schema,
    )
    stream.schema = Schema(type=OpenAPIType.OBJECT, required=["data"], properties={"data": data})


@_completed_by
def single_video(operation: Operation) -> None:
    """A form with a video and which of its frames are wanted, answered by the video's address."""
    number = {"frames_per_second": _FRAMES_PER_SECOND, "from": _FROM, "to": _TO}
    operation.request_body = _form("file", _VIDEO, number)
    _success(operation, "202").headers = {
        "Location": _header(OpenAPIType.STRING, "The path of the video.")
    }


@_completed_by
def page_of_history(operation: Operation) -> None:
    """A page of a list, with headers that lead to the other pages."""
    _success(operation).headers = {
        "X-Total-Count": _header(OpenAPIType.INTEGER, "How many match in all."),
        "Link": _header(OpenAPIType.STRING, "The first, previous, next and last page (RFC 8288)."),
    }


@_completed_by
def history_download(operation: Operation) -> None:
    """JSON, or a table."""
    _add_text(operation, "text/csv", "A row per face (RFC 4180).")


@_completed_by
def frames_download(operation: Operation) -> None:
    """JSON, a table, or JSON lines."""
    _add_text(operation, "text/csv", "A line a row, the first with the names (RFC 4180).")
    _add_text(operation, "application/x-ndjson", "A JSON object a line.")


@_completed_by
def video_file(operation: Operation) -> None:
    """A video, whole or in part."""
    for status in ("200", "206"):
        _success(operation, status).content = _bytes_of(_VIDEO_TYPES)


@_completed_by
def image_file(operation: Operation) -> None:
    """An image; ``image/*`` stands for every format that browsers show."""
    kinds = tuple(_content(operation))
    if kinds == ("image/*",):
        kinds = tuple(each.media_type for each in SHOWN_BY_BROWSERS)
    _success(operation).content = _bytes_of(kinds)


def _form(field: str, schema: Schema, others: dict[str, Schema] | None = None) -> RequestBody:
    properties: dict[str, Reference | Schema] = {field: schema, **(others or {})}
    form = Schema(type=OpenAPIType.OBJECT, required=[field], properties=properties)
    return RequestBody(
        required=True,
        content={RequestEncodingType.MULTI_PART.value: OpenAPIMediaType(schema=form)},
    )


def _header(type_: OpenAPIType, description: str) -> OpenAPIHeader:
    return OpenAPIHeader(schema=Schema(type=type_), description=description)


def _success(operation: Operation, status: str = "200") -> OpenAPIResponse:
    answer = (operation.responses or {})[status]
    if not isinstance(answer, OpenAPIResponse):
        raise TypeError("the call documents no answer")
    return answer


def _content(operation: Operation) -> dict[str, OpenAPIMediaType]:
    answer = _success(operation)
    answer.content = answer.content or {}
    return answer.content


def _add_text(operation: Operation, media_type: str, description: str) -> None:
    schema = Schema(type=OpenAPIType.STRING, description=description)
    _content(operation)[media_type] = OpenAPIMediaType(schema=schema)


def _bytes_of(media_types: Iterable[str]) -> dict[str, OpenAPIMediaType]:
    return {
        media_type: OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.STRING,
                content_media_type=media_type,
                format=OpenAPIFormat.BINARY,
            )
        )
        for media_type in media_types
    }
