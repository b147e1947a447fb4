"""Tokens that are used for longer than one call: by live sessions, and to follow videos."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from application.errors import ServiceUnavailable
from domain.errors import InvalidToken

VERIFY_EVERY_S = 10.0
"""Accounts can end before their tokens expire: at the identity provider, or by the operator."""
_TIMEOUT_S = 5.0
_NOT_VERIFIED = "the token of %s could not be verified again: %s"

VerifyToken = Callable[[str], Awaitable[object]]
"""Verifies a token; raises ``InvalidToken``."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credential:
    """The token of a client.

    Attributes:
        token: its bearer token.
        expires_at: when the token expires; None if only verifying it again can tell.
    """

    token: str
    expires_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Whether the token has expired, as far as it can tell."""
        return self.expires_at is not None and self.expires_at <= now


async def verify_again(
    verify: VerifyToken, credential: Credential, use: str
) -> InvalidToken | None:
    """Verify a token again; without an answer it stays accepted.

    Args:
        verify: verifies it.
        credential: has it.
        use: what it is used for, for the log.

    Returns:
        Why it is not accepted any more, or None.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await verify(credential.token)
    except InvalidToken as error:
        return error
    except (ServiceUnavailable, TimeoutError) as error:
        log.info(_NOT_VERIFIED, use, str(error) or "no answer in time")
    except Exception as error:
        log.exception(_NOT_VERIFIED, use, error)
    return None
