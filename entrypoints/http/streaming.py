"""Streamed answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar, cast

T = TypeVar("T")


async def with_first_item(source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Fetch the first item now, so that an error can still set the status of the answer.

    Returns:
        An iterator over all items, the first included; closing it closes the source.
    """
    generator = cast("AsyncGenerator[T, None]", source)
    try:
        first = await anext(generator)
    except StopAsyncIteration:
        return _nothing()
    return _rest(first, generator)


async def _rest(first: T, generator: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(generator):
        yield first
        async for item in generator:
            yield item


async def _nothing() -> AsyncGenerator[T, None]:
    return
    yield
