"""Reading the bodies of requests."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar

from litestar import Request
from litestar.exceptions import ClientException, InternalServerException

from entrypoints.http.errors import UnsupportedMediaType

UserT = TypeVar("UserT")


class BodyRequest(Request[UserT, Any, Any], Generic[UserT]):
    """A request whose body ends where the client disconnects."""

    async def body(self) -> bytes:
        """The whole body, without the byte order mark that some programs for Windows write."""
        return (await super().body()).removeprefix(BOM_UTF8)

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            ClientException: it is not JSON in UTF-8, or is nested too deeply.
        """
        try:
            return await super().json()
        except RecursionError as error:
            raise ClientException("JSON is nested too deeply") from error
        except UnicodeDecodeError as error:
            raise ClientException("JSON must be encoded in UTF-8") from error

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, chunk by chunk.

        Raises:
            UnsupportedMediaType: it is compressed.
            RequestEntityTooLarge: it is larger than the route takes.
        """
        for encoding in self.headers.getall("content-encoding", []):
            if encoding.strip().lower() not in ("", "identity"):
                raise UnsupportedMediaType(
                    "send the body uncompressed: Content-Encoding is not supported"
                )
        try:
            async for chunk in super().stream():
                yield chunk
        except InternalServerException:
            yield b""  # the client has disconnected
