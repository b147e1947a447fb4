"""Whether the tokens of connected clients are still accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.use_cases.accounts import Authenticate
from domain.errors import InvalidToken
from entrypoints.realtime.connection import Connection

_AT_ONCE = 8
_LONGEST_S = 5.0

log = logging.getLogger(__name__)


class TokenChecks:
    """Looks at tokens beside everything else, so that a slow provider or store holds nothing up.

    Args:
        authenticate: is asked again whose a token is.
        dismiss: tells a client why, and disconnects it.
        clock: tells what has expired.
        longest_s: seconds that one answer is waited for; without one the client stays.
    """

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        dismiss: Callable[[Connection, Exception], Awaitable[None]],
        clock: Clock,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._authenticate = authenticate
        self._dismiss = dismiss
        self._clock = clock
        self._longest_s = longest_s
        self._round: asyncio.Task[None] | None = None
        self._dismissals: dict[str, asyncio.Task[None]] = {}

    def end_expired(self, connections: Iterable[Connection]) -> None:
        """Dismiss the clients whose token has run out."""
        now = self._clock.now()
        for connection in connections:
            if connection.expires_at is not None and connection.expires_at <= now:
                error = InvalidToken("the token has expired; connect again with a new one")
                self._begin_dismissal(connection, error)

    def begin_round(self, connections: Iterable[Connection]) -> None:
        """Ask of each token whether it still stands, a few at a time; one round after the other.

        Accounts end before their tokens do: at the identity provider, and by the operator's word.
        """
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_all(list(connections)))

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [*self._dismissals.values(), *([self._round] if self._round else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask_all(self, connections: list[Connection]) -> None:
        places = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._ask(connection, places) for connection in connections))

    async def _ask(self, connection: Connection, places: asyncio.Semaphore) -> None:
        async with places:
            try:
                async with asyncio.timeout(self._longest_s):
                    await self._authenticate.execute(connection.token)
            except InvalidToken as error:
                self._begin_dismissal(connection, error)
            except (ServiceUnavailable, TimeoutError):
                log.info("a token could not be checked again")
            except Exception:
                log.exception("a token could not be checked again")

    def _begin_dismissal(self, connection: Connection, error: Exception) -> None:
        sid = connection.outbox.sid
        if sid not in self._dismissals:
            task = asyncio.ensure_future(self._end(connection, error))
            self._dismissals[sid] = task
            task.add_done_callback(lambda _: self._dismissals.pop(sid, None))

    async def _end(self, connection: Connection, error: Exception) -> None:
        try:
            await self._dismiss(connection, error)
        except Exception:
            log.exception("a client whose token has ended could not be told so")
