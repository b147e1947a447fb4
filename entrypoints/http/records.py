"""Answers made of records, of which only a few are in memory at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, cast

from litestar import Response
from litestar.types import Scope

from application.work.fair_semaphore import FairSemaphore
from domain.detection import Detection
from entrypoints.http.streaming import ClosingStream
from entrypoints.server.connections import connection_of
from entrypoints.server.http import PIECE_BYTES

Parts = AsyncIterator[Sequence[Detection]]
Write = Callable[[Sequence[Detection]], bytes]
T = TypeVar("T")


async def write_parts(
    parts: AsyncIterator[T], write: Callable[[T], bytes], *, semaphore: FairSemaphore, sender: str
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of each part; one part at a time is read, and written on a thread.

    A record with many faces takes megabytes and milliseconds. The semaphore is held while a part is
    read and written, and no longer, so that a slow client delays nobody and keeps bytes only.

    Args:
        parts: of the records; closed at the end.
        write: makes the bytes of a part.
        semaphore: shared by all answers of this process.
        sender: the client.
    """
    async with aclosing(cast("AsyncGenerator[T, None]", parts)):
        while True:
            async with semaphore.hold(sender):
                part = await anext(parts, None)
                if part is None:
                    return
                chunk = await asyncio.to_thread(write, part)
                del part
            yield chunk


async def answer(
    chunks: AsyncGenerator[bytes, None], scope: Scope, *, media_type: str, headers: dict[str, str]
) -> Response[Any]:
    """Answer with a small body as a whole, and with a larger one in pieces.

    Errors of the first chunks are raised here, so that they still set the status.
    """
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) > PIECE_BYTES:
            pieces = _pieces(start, chunks, scope)
            return ClosingStream(pieces, source=chunks, media_type=media_type, headers=headers)
    return Response(start, media_type=media_type, headers=headers)


async def _pieces(
    start: bytes, chunks: AsyncGenerator[bytes, None], scope: Scope
) -> AsyncIterator[bytes]:
    """The chunks in pieces, because each is compressed on the event loop."""
    connection: Any = connection_of(scope)
    chunk: bytes | None = start
    while chunk is not None:
        if connection is not None:
            connection.hold_answer(len(chunk))
        try:
            for at in range(0, len(chunk), PIECE_BYTES):
                yield chunk[at : at + PIECE_BYTES]
                await asyncio.sleep(0)  # sending waits for slow clients only
        finally:
            if connection is not None:
                connection.release_answer(len(chunk))
        chunk = None
        chunk = await anext(chunks, None)
