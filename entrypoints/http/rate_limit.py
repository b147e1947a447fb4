"""The headers of a guest's quota."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from application.accounts.metering import UsageMeter
from application.errors import ServiceUnavailable
from domain.user import Caller, Guest
from entrypoints.http.dependencies import container_of

RATE_LIMIT_MEANINGS = {
    "RateLimit-Limit": "Images allowed in one window, by the limit that binds this guest.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until the window ends.",
}


def rate_limit(limit: int, remaining: int, reset_s: int) -> dict[str, str]:
    """The headers: the limit, the remaining uses, and the seconds until it resets."""
    values = (limit, remaining, reset_s)
    return {name: str(value) for name, value in zip(RATE_LIMIT_MEANINGS, values, strict=True)}


async def within_quota(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard that refuses guests without remaining uses before their body is read.

    Raises:
        QuotaExceeded: no uses are left.
    """
    await container_of(connection).accounts().meter().check(connection.scope["user"])


async def rate_limit_of(caller: Caller, meter: UsageMeter, now: datetime) -> dict[str, str]:
    """The headers for a guest; none for a user, and none while the count cannot be read."""
    if not isinstance(caller, Guest):
        return {}
    try:
        usage = await meter.usage(caller)
    except ServiceUnavailable:
        return {}  # The image was analysed and counted, so the answer goes out without them.
    if usage.limit is None or usage.remaining is None or usage.resets_at is None:
        return {}
    left_s = math.ceil((usage.resets_at - now).total_seconds())
    return rate_limit(usage.limit, usage.remaining, max(0, left_s))
