"""How OpenAPI describes calls whose bodies are not plain JSON."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.enums import RequestEncodingType
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

from domain.image import IMAGE_FORMATS, READ_FORMATS
from domain.video import MOST_FRAMES_PER_SECOND
from entrypoints.http.rate_limit import RATE_LIMIT_MEANINGS

_FILE = Schema(
    type=OpenAPIType.STRING,
    # OpenAPI 3.1 uses the first, client generators the second.
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description=f"{READ_FORMATS} are read, recognised by content: of a GIF the first frame, of a "
    "TIFF the first page.",
)
_VIDEO_TYPES = (
    "video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo",
)  # fmt: skip
_VIDEO = Schema(
    type=OpenAPIType.STRING,
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description="MP4, MOV, WebM, MKV or AVI, recognised by its content.",
)
_FRAMES_PER_SECOND = Schema(
    type=OpenAPIType.NUMBER,
    exclusive_minimum=0,
    maximum=MOST_FRAMES_PER_SECOND,
    default=5,
    description="Frames analysed of each second.",
)
_FROM = Schema(
    type=OpenAPIType.NUMBER, minimum=0, default=0, description="Where to begin, in seconds."
)
_TO = Schema(
    type=OpenAPIType.NUMBER,
    exclusive_minimum=0,
    description="Where to end, in seconds; left out, at the end of the video.",
)


@dataclass
class SingleImage(Operation):
    """A form with one file."""

    def __post_init__(self) -> None:
        """Describe the body and the headers of a guest's quota."""
        self.request_body = _form("file", _FILE)
        _success(self).headers = {
            name: _header(OpenAPIType.INTEGER, f"{meaning} Guests only.")
            for name, meaning in RATE_LIMIT_MEANINGS.items()
        }


@dataclass
class SeveralImages(Operation):
    """A form with several files, answered by a stream of events."""

    def __post_init__(self) -> None:
        """Describe the body, and that each event holds its data as JSON text."""
        several = Schema(type=OpenAPIType.ARRAY, items=_FILE, min_items=1)
        self.request_body = _form("files", several)
        stream = _content(self)["text/event-stream"]
        data = Schema(
            type=OpenAPIType.STRING,
            content_media_type="application/json",
            content_schema=stream.schema,
        )
        stream.schema = Schema(
            type=OpenAPIType.OBJECT, required=["data"], properties={"data": data}
        )


@dataclass
class SingleVideo(Operation):
    """A form with a video and which of its frames are wanted."""

    def __post_init__(self) -> None:
        """Describe the body and the header with the video's address."""
        number = {"frames_per_second": _FRAMES_PER_SECOND, "from": _FROM, "to": _TO}
        self.request_body = _form("file", _VIDEO, number)
        _success(self, "202").headers = {
            "Location": _header(OpenAPIType.STRING, "The path of the video.")
        }


@dataclass
class FrameTable(Operation):
    """A table in one of three formats."""

    def __post_init__(self) -> None:
        """Add the other two to the JSON."""
        content = _content(self)
        for kind, meaning in (
            ("text/csv", "A line a row, the first with the names (RFC 4180)."),
            ("application/x-ndjson", "A JSON object a line."),
        ):
            schema = Schema(type=OpenAPIType.STRING, description=meaning)
            content[kind] = OpenAPIMediaType(schema=schema)


@dataclass
class VideoFile(Operation):
    """An answer that is a video, whole or in part."""

    def __post_init__(self) -> None:
        """Say that the answer is bytes, and which kinds there are."""
        for status in ("200", "206"):
            answer = _success(self, status)
            answer.content = {
                kind: OpenAPIMediaType(
                    schema=Schema(
                        type=OpenAPIType.STRING,
                        content_media_type=kind,
                        format=OpenAPIFormat.BINARY,
                    )
                )
                for kind in _VIDEO_TYPES
            }


@dataclass
class Page(Operation):
    """A page of a list."""

    def __post_init__(self) -> None:
        """Describe the headers that lead to the other pages."""
        _success(self).headers = {
            "X-Total-Count": _header(OpenAPIType.INTEGER, "How many match in all."),
            "Link": _header(
                OpenAPIType.STRING, "The first, previous, next and last page (RFC 8288)."
            ),
        }


@dataclass
class Download(Operation):
    """An answer in one of two formats."""

    def __post_init__(self) -> None:
        """Add the table to the JSON."""
        table = Schema(type=OpenAPIType.STRING, description="A row per face (RFC 4180).")
        _content(self)["text/csv"] = OpenAPIMediaType(schema=table)


@dataclass
class ImageAnswer(Operation):
    """An answer that is an image; ``image/*`` stands for every format that browsers show."""

    def __post_init__(self) -> None:
        """Say that the answer is bytes."""
        content = _content(self)
        kinds = tuple(content)
        if "image/*" in content:
            kinds = tuple(each.media_type for each in IMAGE_FORMATS if each.is_shown_by_browsers)
        content.clear()
        for kind in kinds:
            schema = Schema(
                type=OpenAPIType.STRING, content_media_type=kind, format=OpenAPIFormat.BINARY
            )
            content[kind] = OpenAPIMediaType(schema=schema)


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
