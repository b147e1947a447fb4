"""What OpenAPI has to be told of calls whose bodies are no plain JSON."""

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
    RequestBody,
    Schema,
)

from entrypoints.http.rate_limit import RATE_LIMIT_MEANINGS

_READ = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp")
_FILE = Schema(
    type=OpenAPIType.STRING,
    # The first is what OpenAPI 3.1 asks for, the second what generators of clients look for.
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description="JPEG, PNG, GIF (first frame), WebP, BMP, AVIF, HEIC or TIFF (first page), told by "
    "its content.",
)


@dataclass
class SinglePhotograph(Operation):
    """A form with one file."""

    def __post_init__(self) -> None:
        """Describe the body, and the headers that tell a guest what is left."""
        self.request_body = _form("file", _FILE)
        _success(self).headers = {
            name: _header(OpenAPIType.INTEGER, f"{meaning} Guests only.")
            for name, meaning in RATE_LIMIT_MEANINGS.items()
        }


@dataclass
class SeveralPhotographs(Operation):
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
class Page(Operation):
    """A part of a list."""

    def __post_init__(self) -> None:
        """Describe the headers that lead to the other parts."""
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
        table = Schema(type=OpenAPIType.STRING, description="A line a face (RFC 4180).")
        _content(self)["text/csv"] = OpenAPIMediaType(schema=table)


@dataclass
class Picture(Operation):
    """An answer that is an image; ``image/*`` stands for every kind that is taken in."""

    def __post_init__(self) -> None:
        """Say that the answer is bytes."""
        content = _content(self)
        kinds = _READ if "image/*" in content else tuple(content)
        content.clear()
        for kind in kinds:
            schema = Schema(
                type=OpenAPIType.STRING, content_media_type=kind, format=OpenAPIFormat.BINARY
            )
            content[kind] = OpenAPIMediaType(schema=schema)


def _form(field: str, schema: Schema) -> RequestBody:
    form = Schema(type=OpenAPIType.OBJECT, required=[field], properties={field: schema})
    return RequestBody(
        required=True,
        content={RequestEncodingType.MULTI_PART.value: OpenAPIMediaType(schema=form)},
    )


def _header(type_: OpenAPIType, description: str) -> OpenAPIHeader:
    return OpenAPIHeader(schema=Schema(type=type_), description=description)


def _success(operation: Operation) -> OpenAPIResponse:
    answer = (operation.responses or {})["200"]
    if not isinstance(answer, OpenAPIResponse):
        raise TypeError("the call documents no answer of its own")
    return answer


def _content(operation: Operation) -> dict[str, OpenAPIMediaType]:
    answer = _success(operation)
    answer.content = answer.content or {}
    return answer.content
