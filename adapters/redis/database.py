"""One Redis server, or whatever speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import StoreCircuitOpen, StoreUnavailable

_Result = TypeVar("_Result")

_CONNECTIONS = 32

# How the driver says that nobody answers.
_NOT_THERE = (faults.ConnectionError, faults.TimeoutError, OSError)


class RedisDatabase:
    """Runs functions against the server and says in the ports' words what went wrong.

    A server that does not answer is left alone for a while. Nothing is connected before it is used.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; may hold a password and is never shown.
        prefix: every key and channel begins with it.
        timeout_s: how long one call may take in all, in seconds.
        breaker: watches the calls.

    Attributes:
        prefix: as given.
        address: the URL without user and password, fit to be shown.
    """

    def __init__(self, *, url: str, prefix: str, timeout_s: float, breaker: CircuitBreaker) -> None:
        self.prefix = prefix
        self.address = _without_credentials(url)
        self._timeout_s = timeout_s
        self._breaker = breaker
        # What may be done twice is known here and not to the driver.
        once = Retry(NoBackoff(), 0)
        self.client: Redis = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=timeout_s,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=once,
            )
        )

    async def run(
        self, work: Callable[[Redis], Awaitable[_Result]], *, repeatable: bool = True
    ) -> _Result:
        """Let a function use the server.

        Args:
            work: uses it.
            repeatable: whether it may run a second time where the connection ends within it.

        Raises:
            StoreUnavailable: it does not answer, or not with what was asked for.
        """
        try:
            with self._breaker.guard(*_NOT_THERE):
                async with asyncio.timeout(self._timeout_s):
                    try:
                        return await work(self.client)
                    except faults.ConnectionError:
                        if not repeatable:
                            raise
                        # An idle connection was gone, as after a restart of the server.
                        return await work(self.client)
        except CircuitOpen as error:
            raise StoreCircuitOpen(
                "Redis does not answer", retry_after_s=error.retry_after_s
            ) from error
        except faults.AuthenticationError as error:
            raise StoreUnavailable("Redis refuses the user or the password") from error
        except faults.NoPermissionError as error:
            raise StoreUnavailable("Redis does not let the user do this") from error
        except _NOT_THERE as error:
            raise StoreUnavailable("Redis does not answer") from error
        # The last two are what the driver makes of an answer in no form of Redis'.
        except (faults.RedisError, ValueError, RecursionError) as error:
            raise StoreUnavailable("Redis does not do its work") from error

    async def close(self) -> None:
        """Close every connection. Closing twice is no error."""
        await self.client.aclose()

    async def check(self) -> None:
        """Ask for a sign of life.

        Raises:
            StoreUnavailable: there is none.
        """

        async def ping(client: Redis) -> Any:
            return await client.ping()

        await self.run(ping)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
