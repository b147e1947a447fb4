"""Why the service could not start, for the one line that says so."""

from __future__ import annotations

from typing import Any

from application.errors import ServiceUnavailable
from entrypoints.settings import BadSettings

_EXPECTED = (ServiceUnavailable, BadSettings)


class WatchedStart:
    """An ASGI application that keeps the expected error with which its start failed.

    Litestar sends the server a traceback instead, which hides what an operator can change.

    Attributes:
        failure: the error; None if the start succeeded, or failed for an unexpected reason.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.failure: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the call on."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: list[dict[str, Any]] = []

        async def hold_failure(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.failed":
                failed.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold_failure)
        except BaseException as error:  # Litestar sends the failure for each.
            for message in failed:
                self.failure = _expected(error)
                if self.failure is not None:
                    message = {**message, "message": ""}
                await send(message)
            raise


def _expected(error: BaseException) -> Exception | None:
    if isinstance(error, BaseExceptionGroup):  # of the tasks in the background
        found = [_expected(each) for each in error.exceptions]
        return found[0] if len(found) == 1 else None
    return error if isinstance(error, _EXPECTED) else None
