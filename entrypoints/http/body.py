"""Reading the bodies of requests, whatever becomes of the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar

from litestar import Request
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException, InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

UserT = TypeVar("UserT")


class BodyRequest(Request[UserT, Any, Any], Generic[UserT]):
    """A request whose body just ends where it cannot be read on.

    Litestar's form parser closes the files it has begun when a form is incomplete, and leaves
    them open when reading raises.

    Attributes:
        form_too_large: reading stopped at the size limit of the route.
    """

    form_too_large = False

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
        """The body, chunk by chunk."""
        try:
            async for chunk in super().stream():
                yield chunk
        except RequestEntityTooLarge:
            if self.content_type[0] != RequestEncodingType.MULTI_PART:
                raise
            self.form_too_large = True
            yield b""
        except InternalServerException:
            yield b""  # the client has hung up
