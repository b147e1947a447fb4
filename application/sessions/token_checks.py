"""Whether the tokens of connected clients are still accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.sessions.session import StreamSession
from domain.errors import InvalidToken

_AT_ONCE = 8
_TIMEOUT_S = 5.0
"""How long one answer is waited for; without an answer the client stays."""
_NOT_VERIFIED = "the token of session %s could not be verified again: %s"

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


class TokenChecks:
    """Checks tokens in the background, so that a slow provider or store delays nothing.

    Args:
        verify: verifies a token; raises ``InvalidToken``.
        clock: for what has expired.
    """

    def __init__(self, verify: Callable[[str], Awaitable[object]], clock: Clock) -> None:
        self._verify = verify
        self._clock = clock
        self._round: asyncio.Task[None] | None = None
        self._disconnecting: dict[str, asyncio.Task[None]] = {}

    def end_expired(self, sessions: Iterable[tuple[StreamSession, Credential]]) -> None:
        """Disconnect the clients whose token has expired."""
        now = self._clock.now()
        for session, credential in sessions:
            if credential.expires_at is not None and credential.expires_at <= now:
                error = InvalidToken("the token has expired; connect again with a new one")
                self._begin_disconnecting(session, error)

    def begin_round(self, sessions: Iterable[tuple[StreamSession, Credential]]) -> None:
        """Verify each token again, a few at a time; at most one round at once.

        Accounts can end before their tokens expire: at the identity provider, or by the operator.
        """
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._verify_all(list(sessions)))

    async def close(self) -> None:
        """Cancel running checks."""
        tasks = [*self._disconnecting.values(), *([self._round] if self._round else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _verify_all(self, sessions: list[tuple[StreamSession, Credential]]) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._verify_one(*each, slots) for each in sessions))

    async def _verify_one(
        self, session: StreamSession, credential: Credential, slots: asyncio.Semaphore
    ) -> None:
        async with slots:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    await self._verify(credential.token)
            except InvalidToken as error:
                self._begin_disconnecting(session, error)
            except (ServiceUnavailable, TimeoutError) as error:
                log.info(_NOT_VERIFIED, session.session_id, str(error) or "no answer in time")
            except Exception as error:
                log.exception(_NOT_VERIFIED, session.session_id, error)

    def _begin_disconnecting(self, session: StreamSession, error: Exception) -> None:
        key = session.session_id
        if key not in self._disconnecting:
            task = asyncio.ensure_future(self._disconnect(session, error))
            self._disconnecting[key] = task
            task.add_done_callback(lambda _: self._disconnecting.pop(key, None))

    async def _disconnect(self, session: StreamSession, error: Exception) -> None:
        try:
            await session.disconnect(error)
        except Exception:
            log.exception(
                "session %s, whose token is not valid any more, could not be disconnected",
                session.session_id,
            )
