"""Calling Cloudinary: off the event loop, through a circuit breaker, with the ports' errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import urllib3

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import StoreCircuitOpen, StoreUnavailable

_Result = TypeVar("_Result")

# A ping counts against the account's few hundred calls an hour, and readiness checks are frequent.
_ANSWER_VALID_S = 60.0
_CALLS_AT_ONCE = 4


class Unexpected(Exception):
    """The answer is not what was expected."""


class _Refused(Exception):
    """Cloudinary understood the request and refused it."""


_KEY_REFUSED = (cloudinary.exceptions.AuthorizationRequired, cloudinary.exceptions.NotAllowed)
_FAULTS = (cloudinary.exceptions.Error, urllib3.exceptions.HTTPError, Unexpected)


class CloudinaryClient:
    """The client of an account, with a few threads for its calls.

    Args:
        cloud_name: of the account.
        api_key: of the account.
        api_secret: signs the requests; never shown.
        timeout_s: timeout of connecting, and of each wait for data, in seconds.
        breaker: guards the calls.
        upload_prefix: where Cloudinary's API is.
    """

    def __init__(
        self,
        *,
        cloud_name: str,
        api_key: str,
        api_secret: str,
        timeout_s: float,
        breaker: CircuitBreaker,
        upload_prefix: str,
    ) -> None:
        self._breaker = breaker
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="cloudinary")
        self.delivery = urllib3.PoolManager(
            maxsize=_CALLS_AT_ONCE, timeout=urllib3.Timeout(timeout_s), retries=False
        )
        # Passed with every call, because the SDK's own configuration is global.
        self.account = {
            "cloud_name": cloud_name,
            "api_key": api_key,
            "api_secret": api_secret,
            "timeout": timeout_s,
            "upload_prefix": upload_prefix.rstrip("/"),
        }

    def destroy(self, public_id: str, *, delivery_type: str, resource_type: str) -> None:
        """Delete a file, also from the caches of the delivery network; blocks."""
        answer = cloudinary.uploader.destroy(
            public_id,
            type=delivery_type,
            resource_type=resource_type,
            invalidate=True,
            **self.account,
        )
        if answer.get("result") not in ("ok", "not found"):
            raise Unexpected("the answer does not confirm the deletion")

    async def check(self) -> None:
        """Ping Cloudinary, unless a call succeeded within the last minute."""
        if not self._breaker.answered_within(_ANSWER_VALID_S):
            await self.run(lambda: cloudinary.api.ping(**self.account))

    def close(self) -> None:
        """Stop the threads after their calls."""
        self._threads.shutdown(wait=False)
        self.delivery.clear()

    async def run(self, call: Callable[[], _Result]) -> _Result:
        """Make a call on one of the threads.

        Raises:
            StoreUnavailable: Cloudinary does not answer, or not as expected.
        """
        loop = asyncio.get_running_loop()
        try:
            with self._breaker.guard(*_FAULTS):
                return await loop.run_in_executor(self._threads, _call, call)
        except CircuitOpen as error:
            raise StoreCircuitOpen(
                "the image store does not answer", retry_after_s=error.retry_after_s
            ) from error
        except _KEY_REFUSED as error:
            raise StoreUnavailable("the image store refuses the key of the account") from error
        except _FAULTS as error:
            raise StoreUnavailable("the image store does not answer") from error
        except _Refused as error:
            raise StoreUnavailable("the image store refuses the image") from error


def _call(call: Callable[[], _Result]) -> _Result:
    """Make the call; distinguishes a refused request from a failing store."""
    try:
        return call()
    except (cloudinary.exceptions.BadRequest, cloudinary.exceptions.NotFound) as error:
        raise _Refused("the request was refused") from error
    except _FAULTS:
        raise
    except OSError:  # of a file on this host
        raise
    except Exception as error:  # the SDK raises it for an unknown status or JSON
        raise Unexpected("the answer cannot be understood") from error
