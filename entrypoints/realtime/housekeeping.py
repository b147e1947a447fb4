"""Closing useless connections."""

from __future__ import annotations

import asyncio
import logging

from entrypoints.realtime.connection import NAMESPACE, Connection
from entrypoints.realtime.namespace import EmotionDetectionNamespace
from entrypoints.realtime.server import GuardedServer

SWEEP_S = 1.0
_HALF_OPEN_SWEEPS = 10
_CLOGGED_SWEEPS = 10

log = logging.getLogger(__name__)


class Housekeeping:
    """Sweeps once a second.

    - A client that has not read for ten seconds is disconnected.
    - A connection that never entered the namespace, or left it, is closed after ten seconds.
    - The state of a client that is gone is removed.
    """

    def __init__(self, server: GuardedServer) -> None:
        self._server = server
        self._namespace: EmotionDetectionNamespace = server.namespace_handlers[NAMESPACE]
        self._idle_sweeps: dict[str, int] = {}

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Exception:
                log.exception("the connections could not be checked")

    async def sweep(self) -> None:
        """Check every connection once."""
        for sid, connection in list(self._namespace.connections.items()):
            if self._server.manager.is_connected(sid, NAMESPACE):
                await self._check_reading(connection)
            else:
                await self._namespace.forget(sid)
        await self._close_half_open()

    async def _check_reading(self, connection: Connection) -> None:
        reads = self._server.reads(connection.eio_sid)
        stuck = connection.is_clogged and reads == connection.reads_before
        connection.clogged_sweeps = connection.clogged_sweeps + 1 if stuck else 0
        connection.reads_before = reads
        if connection.clogged_sweeps >= _CLOGGED_SWEEPS:
            log.info("closing a connection that does not read")
            await self._server.close_connection(connection.eio_sid)

    async def _close_half_open(self) -> None:
        in_use = {each.eio_sid for each in self._namespace.connections.values()}
        idle = [eio_sid for eio_sid in self._server.eio.sockets if eio_sid not in in_use]
        self._idle_sweeps = {key: self._idle_sweeps.get(key, 0) + 1 for key in idle}
        for eio_sid, sweeps in self._idle_sweeps.items():
            if sweeps >= _HALF_OPEN_SWEEPS:
                await self._server.close_connection(eio_sid)
