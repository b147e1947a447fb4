"""Reading the bodies of requests, whatever becomes of the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar

from litestar import Request
from litestar.exceptions import ClientException, InternalServerException

from entrypoints.http.errors import UnsupportedMediaType

UserT = TypeVar("UserT")


class BodyRequest(Request[UserT, Any, Any], Generic[UserT]):
    """A request whose body just ends where it cannot be read on."""

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            ClientException: it is no JSON, or nested without end.
        """
        try:
            return await super().json()
        except RecursionError as error:
            raise ClientException("JSON is nested too deeply") from error

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, chunk by chunk.

        Raises:
            UnsupportedMediaType: it is compressed.
            RequestEntityTooLarge: it is larger than the route takes.
        """
        for encoding in self.headers.getall("content-encoding", []):
            if encoding.strip().lower() not in ("", "identity"):
                raise UnsupportedMediaType(
                    "send the body as it is: no Content-Encoding is understood"
                )
        try:
            async for chunk in super().stream():
                yield chunk
        except InternalServerException:
            yield b""  # the client has hung up
