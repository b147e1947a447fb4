"""One Redis server, or another server with its protocol."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from redis import exceptions as faults
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import StoreCircuitOpen, StoreUnavailable

_CONNECTIONS = 32

# The driver's errors when the server does not answer.
_UNREACHABLE = (faults.ConnectionError, faults.TimeoutError, OSError)


class RedisDatabase:
    """Runs functions against the server and translates errors into those of the ports.

    A circuit breaker guards all calls. Connections are made when first used.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; may hold a password and is never shown.
        prefix: every key and channel begins with it.
        timeout_s: how long one call may take in all, in seconds.
        breaker: guards the calls.

    Attributes:
        prefix: as given.
        address: the URL without user and password, for messages.
        client: the driver's, for subscriptions; everything else goes through ``run``.
    """

    def __init__(self, *, url: str, prefix: str, timeout_s: float, breaker: CircuitBreaker) -> None:
        self.prefix = prefix
        self.address = _without_credentials(url)
        self._timeout_s = timeout_s
        self._breaker = breaker
        # The driver does not know which calls may be repeated.
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

    async def run(self, work: Callable[[Redis], Any], *, repeatable: bool = True) -> Any:
        """Call a function with the server's client.

        Args:
            work: uses it, and returns what is awaited. The driver's types leave open what that is.
            repeatable: whether it may run again if the connection breaks.

        Raises:
            StoreUnavailable: it does not answer, or not as expected.
        """
        try:
            with self._breaker.guard(*_UNREACHABLE):
                async with asyncio.timeout(self._timeout_s):
                    try:
                        return await work(self.client)
                    except faults.ConnectionError:
                        if not repeatable:
                            raise
                        # An idle connection was closed, for example by a restart of the server.
                        return await work(self.client)
        except CircuitOpen as error:
            raise StoreCircuitOpen(
                "Redis does not answer", retry_after_s=error.retry_after_s
            ) from error
        except faults.AuthenticationError as error:
            raise StoreUnavailable("Redis refuses the user or the password") from error
        except faults.NoPermissionError as error:
            raise StoreUnavailable("the Redis user lacks a permission") from error
        except _UNREACHABLE as error:
            raise StoreUnavailable(_unreachable(error)) from error
        # The driver raises the last two for answers that are not Redis protocol.
        except (faults.RedisError, ValueError, RecursionError) as error:
            raise StoreUnavailable("Redis does not work") from error

    async def close(self) -> None:
        """Close every connection. Closing twice is not an error."""
        await self.client.aclose()

    async def check(self) -> None:
        """Ping the server.

        Raises:
            StoreUnavailable: it does not answer.
        """
        await self.run(lambda client: client.ping())


def _unreachable(error: BaseException) -> str:
    """What happened; of a certificate the driver says it in the context of its own error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"Redis has no certificate that is trusted ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return "Redis does not answer"


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
