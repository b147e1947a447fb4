"""Hands the container's providers to Litestar, overrides included."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.di import Provide

Provider = Callable[[], Any]


async def provided(provider: Provider) -> Any:
    """What a provider gives; one that depends on an asynchronous resource has to be awaited."""
    made = provider()
    return await made if inspect.isawaitable(made) else made


def dependency(provider: Provider) -> Provide:
    """The provider as a dependency of handlers."""

    async def provide() -> Any:
        return await provided(provider)

    made: Callable[[], Awaitable[Any]] = provide
    return Provide(made)
