"""Identity from Firebase Authentication."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import google.auth.exceptions
import google.auth.jwt
from firebase_admin import auth, exceptions

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import IdentityUnavailable
from application.ports.telemetry import Telemetry
from domain.errors import InvalidToken
from domain.user import User

_Result = TypeVar("_Result")

_REFUSED = (auth.InvalidIdTokenError, auth.UserNotFoundError, auth.UserDisabledError, ValueError)
_UNREACHABLE = (exceptions.FirebaseError, google.auth.exceptions.GoogleAuthError, TimeoutError)
# Firebase limits the number of look-ups, and readiness checks are frequent.
_ANSWER_VALID_S = 60.0
_CALLS_AT_ONCE = 4
_NOBODY = "nobody"


class _Refused(Exception):
    """Firebase refuses the token."""


class FirebaseIdentityProvider:
    """Checks the signature against Google's certificates, then looks the user up.

    One look-up returns whether the account is enabled, whether its tokens were revoked, and its
    profile.

    Args:
        client: of the project, see ``open_client``.
        timeout_s: how long one verification may take in all, in seconds.
        breaker: guards the calls.
        clock_skew_s: seconds by which Google's clock may differ from this machine's; at most 60.
        telemetry: counts verifications that failed because no certificates could be fetched.
    """

    def __init__(
        self,
        *,
        client: auth.Client,
        timeout_s: float,
        breaker: CircuitBreaker,
        clock_skew_s: int,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._clock_skew_s = clock_skew_s
        self._telemetry = telemetry
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="firebase")

    async def verify(self, id_token: str) -> User:
        """Verify an ID token and return its user."""
        return await self._run(lambda: self._verify(id_token))

    def issued_at(self, id_token: str) -> datetime:
        """When Google issued the ID token."""
        try:
            claims = google.auth.jwt.decode(id_token, verify=False)
            return datetime.fromtimestamp(claims["iat"], UTC)
        except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
            raise InvalidToken("the ID token is not valid; sign in again") from error

    async def may_stay_signed_in(self, user_id: str, signed_in_at: datetime | None) -> bool:
        """Look the account up."""
        return await self._run(lambda: self._may_stay(user_id, signed_in_at))

    async def check(self) -> None:
        """Call Firebase, unless a call succeeded within the last minute."""
        if not self._breaker.answered_within(_ANSWER_VALID_S):
            await self._run(self._ping)

    def close(self) -> None:
        """Stop the threads after their calls."""
        self._threads.shutdown(wait=False)

    def _verify(self, id_token: str) -> User:
        claims = self._client.verify_id_token(id_token, clock_skew_seconds=self._clock_skew_s)
        with _reading_account():
            account = self._client.get_user(claims["uid"])
            user, valid_after_ms = _user(account, claims), account.tokens_valid_after_timestamp
        if account.disabled:
            raise _Refused("the account is disabled")
        # As in the SDK's own revocation check, which would look the user up a second time.
        if valid_after_ms > claims["iat"] * 1000:
            raise _Refused("the token was revoked")
        return user

    def _may_stay(self, user_id: str, signed_in_at: datetime | None) -> bool:
        try:
            with _reading_account():
                account = self._client.get_user(user_id)
                valid_after_ms = int(account.tokens_valid_after_timestamp)
        except auth.UserNotFoundError:
            return False
        signed_in_ms = math.inf if signed_in_at is None else signed_in_at.timestamp() * 1000
        return not account.disabled and valid_after_ms <= signed_in_ms

    def _ping(self) -> None:
        with suppress(auth.UserNotFoundError), _reading_account():
            self._client.get_user(_NOBODY)

    async def _run(self, call: Callable[[], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            with self._breaker.guard(*_UNREACHABLE):
                async with asyncio.timeout(self._timeout_s):
                    return await loop.run_in_executor(self._threads, _call, call)
        except CircuitOpen as error:
            raise IdentityUnavailable(
                "the identity provider does not answer", retry_after_s=error.retry_after_s
            ) from error
        except _UNREACHABLE as error:
            if self._telemetry is not None and isinstance(error, auth.CertificateFetchError):
                self._telemetry.count("certificate_fetch_failed")
            raise IdentityUnavailable("the identity provider does not answer") from error
        except _Refused as error:
            raise InvalidToken("the ID token is not valid; sign in again") from error


@contextmanager
def _reading_account() -> Iterator[None]:
    """Distinguish an account that cannot be read from a token that is refused."""
    try:
        yield
    except (exceptions.FirebaseError, google.auth.exceptions.GoogleAuthError):
        raise
    except Exception as error:  # the SDK raises it for an account in another form
        raise exceptions.UnknownError("the account cannot be read", cause=error) from error


def _call(call: Callable[[], _Result]) -> _Result:
    """Make the call; distinguishes a refused token from a failing provider."""
    try:
        return call()
    except (auth.CertificateFetchError, google.auth.exceptions.GoogleAuthError):
        raise  # some of the latter are ValueErrors too
    except _REFUSED as error:
        # If the certificate server does not answer with JSON, nothing is known about the token.
        if isinstance(getattr(error, "cause", None), json.JSONDecodeError):
            raise auth.CertificateFetchError(
                "no certificates were returned", cause=error
            ) from error
        raise _Refused("the token was refused") from error


def _user(account: auth.UserRecord, claims: dict[str, Any]) -> User:
    signed_in_by = claims.get("firebase", {}).get("sign_in_provider")
    providers = [provider.provider_id for provider in account.provider_data]
    created_ms = account.user_metadata.creation_timestamp
    return User(
        user_id=account.uid,
        email=account.email,
        display_name=account.display_name,
        photo_url=account.photo_url,
        is_email_verified=bool(account.email_verified),
        providers=tuple(providers or ([signed_in_by] if signed_in_by else [])),
        created_at=datetime.fromtimestamp((created_ms or 0) / 1000, UTC),
    )
