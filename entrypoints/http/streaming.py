"""Answers that are streams of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

from litestar.response import Stream
from litestar.serialization import encode_json
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

T = TypeVar("T")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class ClosingStream(Stream):
    """A streamed answer that closes its iterator at the end, also when the client disconnects.

    Litestar leaves that to the garbage collector: files stay open until it runs, work goes on, and
    iterators within iterators are closed at the same time, which is an error.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        *,
        source: AsyncIterator[Any] | None = None,
        **options: Any,
    ) -> None:
        """Stream the chunks.

        Args:
            chunks: closed at the end.
            source: what they are made of, closed after them. They cannot do so themselves where the
                answer fails before the first of them.
            **options: of ``Stream``.
        """
        super().__init__(chunks, **options)
        self._source = chunks if source is None else source

    def to_asgi_response(self, *args: Any, **options: Any) -> ASGIApp:  # type: ignore[override]
        """The answer as an ASGI application."""
        answer = super().to_asgi_response(*args, **options)
        chunks = cast("AsyncGenerator[bytes, None]", self.iterator)
        source = cast("AsyncGenerator[Any, None]", self._source)

        async def answer_and_close(scope: Scope, receive: Receive, send: Send) -> None:
            async with aclosing(source), aclosing(chunks):
                await answer(scope, receive, send)

        return answer_and_close


async def event_stream(items: AsyncIterator[T], present: Callable[[T], Struct]) -> ClosingStream:
    """Answer with a server-sent event for each item.

    The first item is fetched now, so that an error can still set the status of the answer.

    Args:
        items: closed at the end, also where the client disconnects.
        present: what clients get of an item; called in a thread, because that may take long.
    """
    first = await anext(items, None)

    def event(item: T) -> bytes:
        return b"data: " + encode_json(present(item)) + b"\n\n"

    async def events() -> AsyncGenerator[bytes, None]:
        if first is None:
            return
        yield await asyncio.to_thread(event, first)
        async for item in items:
            yield await asyncio.to_thread(event, item)

    return ClosingStream(events(), source=items, media_type="text/event-stream", headers=_HEADERS)
