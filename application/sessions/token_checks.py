"""Whether the tokens of connected clients are still accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from application.accounts.credentials import VerifyToken, verify_again
from application.ports.clock import Clock
from application.sessions.session import StreamSession
from domain.errors import InvalidToken

_AT_ONCE = 8

log = logging.getLogger(__name__)


class TokenChecks:
    """Checks tokens in the background, so that a slow provider or store delays nothing.

    Args:
        verify: verifies a token; raises ``InvalidToken``.
        clock: for what has expired.
    """

    def __init__(self, verify: VerifyToken, clock: Clock) -> None:
        self._verify = verify
        self._clock = clock
        self._round: asyncio.Task[None] | None = None
        self._disconnecting: dict[str, asyncio.Task[None]] = {}

    def end_expired(self, sessions: Iterable[StreamSession]) -> None:
        """Disconnect the clients whose token has expired."""
        now = self._clock.now()
        for session in sessions:
            if session.credential is not None and session.credential.has_expired(now):
                error = InvalidToken("the token has expired; connect again with a new one")
                self._begin_disconnecting(session, error)

    def begin_round(self, sessions: Iterable[StreamSession]) -> None:
        """Verify each token again, a few at a time; at most one round at once."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._verify_all(list(sessions)))

    async def close(self) -> None:
        """Cancel running checks."""
        tasks = [*self._disconnecting.values(), *([self._round] if self._round else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _verify_all(self, sessions: list[StreamSession]) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._verify_one(session, slots) for session in sessions))

    async def _verify_one(self, session: StreamSession, slots: asyncio.Semaphore) -> None:
        if session.credential is None:
            return
        async with slots:
            use = f"session {session.session_id}"
            error = await verify_again(self._verify, session.credential, use)
        if error is not None:
            self._begin_disconnecting(session, error)

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
