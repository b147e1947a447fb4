"""What OpenAPI has to be told of calls whose bodies are no plain JSON."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.enums import RequestEncodingType
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

_FILE = Schema(
    type=OpenAPIType.STRING,
    # The first is what OpenAPI 3.1 asks for, the second what generators of clients look for.
    content_media_type="application/octet-stream",
    format=OpenAPIFormat.BINARY,
    description="JPEG, PNG, GIF (first frame), WebP or BMP, told by its content.",
)


@dataclass
class SinglePhotograph(Operation):
    """A form with one file."""

    def __post_init__(self) -> None:
        """Describe the body."""
        self.request_body = _form("file", _FILE)


@dataclass
class SeveralPhotographs(Operation):
    """A form with several files, answered by a stream of events."""

    def __post_init__(self) -> None:
        """Describe the body, and that each event holds its data as JSON text."""
        several = Schema(type=OpenAPIType.ARRAY, items=_FILE, min_items=1)
        self.request_body = _form("files", several)
        stream = _success(self)["text/event-stream"]
        data = Schema(
            type=OpenAPIType.STRING,
            content_media_type="application/json",
            content_schema=stream.schema,
        )
        stream.schema = Schema(
            type=OpenAPIType.OBJECT, required=["data"], properties={"data": data}
        )


@dataclass
class Download(Operation):
    """An answer in one of two formats."""

    def __post_init__(self) -> None:
        """Add the table to the JSON."""
        table = Schema(type=OpenAPIType.STRING, description="A line a face (RFC 4180).")
        _success(self)["text/csv"] = OpenAPIMediaType(schema=table)


def _form(field: str, schema: Schema) -> RequestBody:
    form = Schema(type=OpenAPIType.OBJECT, required=[field], properties={field: schema})
    return RequestBody(
        required=True,
        content={RequestEncodingType.MULTI_PART.value: OpenAPIMediaType(schema=form)},
    )


def _success(operation: Operation) -> dict[str, OpenAPIMediaType]:
    answer = (operation.responses or {})["200"]
    if not isinstance(answer, OpenAPIResponse) or answer.content is None:
        raise TypeError("the call documents no answer with content")
    return answer.content
