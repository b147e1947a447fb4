"""What has to be looked after while clients are connected."""

from __future__ import annotations

import asyncio
import logging

from application.ports.clock import Clock
from application.sessions.sessions import StreamSessions
from application.use_cases.accounts import Authenticate
from entrypoints.realtime.connection import NAMESPACE, Connection
from entrypoints.realtime.namespace import EmotionDetectionNamespace
from entrypoints.realtime.server import GuardedServer
from entrypoints.realtime.token_checks import TokenChecks

SWEEP_S = 1.0
_LOAD_EVERY = 2
_TOKENS_EVERY = 10
_PLACES_EVERY = 10
_HALF_OPEN_SWEEPS = 10
_CLOGGED_SWEEPS = 10

log = logging.getLogger(__name__)


class Housekeeping:
    """Sweeps once a second.

    - A client whose token has ended is told 401 and disconnected. Every ten seconds each token is
      looked up again, because its account may have ended first.
    - A client that has not read for ten seconds is disconnected.
    - A connection that never entered the namespace, or left it, is closed after ten seconds.
    - Every two seconds the sessions learn whether the machine is full.
    - Every ten seconds the places of all sessions are renewed.
    """

    def __init__(
        self,
        *,
        server: GuardedServer,
        namespace: EmotionDetectionNamespace,
        sessions: StreamSessions,
        authenticate: Authenticate,
        clock: Clock,
    ) -> None:
        self._server = server
        self._namespace = namespace
        self._sessions = sessions
        self._tokens = TokenChecks(
            authenticate=authenticate, dismiss=namespace.dismiss, clock=clock
        )
        self._sweeps = 0
        self._idle_sweeps: dict[str, int] = {}

    async def run(self) -> None:
        """Sweep until cancelled."""
        try:
            while True:
                await asyncio.sleep(SWEEP_S)
                try:
                    await self.sweep()
                except Exception:
                    log.exception("a sweep failed")
        finally:
            await self._tokens.close()

    async def sweep(self) -> None:
        """Look after everything once."""
        self._sweeps += 1
        if self._sweeps % _LOAD_EVERY == 0:
            await self._sessions.review_load()
        if self._sweeps % _PLACES_EVERY == 0:
            await self._sessions.hold_places()
        for sid, connection in list(self._namespace.connections.items()):
            if not self._server.manager.is_connected(sid, NAMESPACE):
                await self._namespace.forget(sid)
                continue
            await self._check_reading(connection)
        connections = self._namespace.connections.values()
        self._tokens.end_expired(connections)
        if self._sweeps % _TOKENS_EVERY == 0:
            self._tokens.begin_round(connections)
        await self._close_half_open()

    async def _check_reading(self, connection: Connection) -> None:
        outbox = connection.outbox
        stuck = outbox.is_clogged and outbox.reads == connection.reads
        connection.clogged_sweeps = connection.clogged_sweeps + 1 if stuck else 0
        connection.reads = outbox.reads
        if connection.clogged_sweeps >= _CLOGGED_SWEEPS:
            log.info("closing a connection that does not read")
            await self._server.close_connection(outbox.eio_sid)

    async def _close_half_open(self) -> None:
        in_use = {each.outbox.eio_sid for each in self._namespace.connections.values()}
        idle = [eio_sid for eio_sid in self._server.eio.sockets if eio_sid not in in_use]
        self._idle_sweeps = {key: self._idle_sweeps.get(key, 0) + 1 for key in idle}
        for eio_sid, sweeps in self._idle_sweeps.items():
            if sweeps >= _HALF_OPEN_SWEEPS:
                await self._server.close_connection(eio_sid)
