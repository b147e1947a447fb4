"""One MongoDB database, on a local server, a replica set or Atlas."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pymongo
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from adapters.mongodb.documents import Document
from adapters.mongodb.indexes import INDEXES
from adapters.records import UnreadableRecord
from application.errors import StoreCircuitOpen, StoreUnavailable

log = logging.getLogger(__name__)

Database = AsyncIOMotorDatabase[Document]

_UNREACHABLE = (ConnectionFailure, ExecutionTimeout, WTimeoutError, TimeoutError)
_IDLE_CONNECTION_S = 300
# "AuthenticationFailed", and what Atlas calls "AtlasError".
_REFUSED_SIGN_IN = (18, 8000)


class MongoDatabase:
    """Connects to the database and translates errors into those of the ports.

    Writes are acknowledged by a majority of the servers and retried once if a connection breaks,
    unless the URI says otherwise. A circuit breaker guards all calls.

    Args:
        uri: ``mongodb://`` or ``mongodb+srv://``; holds credentials and is never shown.
        name: of the database.
        timeout_s: how long one call may take in all, in seconds.
        max_connections: to each server of the set.
        breaker: guards the calls.
        makes_indexes: whether to create the indexes; False for a database that is only read.
    """

    def __init__(
        self,
        *,
        uri: str,
        name: str,
        timeout_s: float,
        max_connections: int,
        breaker: CircuitBreaker,
        makes_indexes: bool = True,
    ) -> None:
        self._uri = uri
        self._name = name
        self._timeout_s = timeout_s
        self._timeout_ms = round(timeout_s * 1000)
        self._max_connections = max_connections
        self._breaker = breaker
        self._client: AsyncIOMotorClient[Document] | None = None
        self._database: Database | None = None
        self._indexing: asyncio.Task[None] | None = None
        self._indexed = not makes_indexes

    async def open(self) -> None:
        """Connect and create the indexes; if the server is down, they are created later.

        Raises:
            StoreUnavailable: the URI cannot be used.
        """
        try:
            # Reading the URI may ask DNS (mongodb+srv), which blocks.
            self._client = await asyncio.to_thread(self._connect)
        except (PyMongoError, ValueError):
            # Not chained, because the driver's message may quote the URI with the password.
            raise StoreUnavailable(
                "MONGODB_URI cannot be used: it is malformed; "
                "signs such as / @ : in a user or password are written as %2F %40 %3A"
            ) from None
        options: CodecOptions[Document] = CodecOptions(
            tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
        )
        self._database = self._client.get_database(self._name, codec_options=options)
        try:
            await self.check()
        except StoreUnavailable as error:
            log.warning(
                "starting without MongoDB (MONGODB_URI): %s%s", error, _reason(self._client, error)
            )

    async def close(self) -> None:
        """Close every connection, also to a silent server. Closing twice is not an error."""
        client, self._client, self._database = self._client, None, None
        if client is not None:
            await asyncio.to_thread(self._disconnect, client)

    def _disconnect(self, client: AsyncIOMotorClient[Document]) -> None:
        # The driver says goodbye to the server first, and waits for its answer.
        with pymongo.timeout(self._timeout_s):
            client.close()

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Database]:
        """Use the database for the length of a block, which is one call.

        Raises:
            StoreUnavailable: it does not answer, or not as expected.
        """
        if self._database is None:
            raise StoreUnavailable("the database is closed")
        try:
            with self._breaker.guard(*_UNREACHABLE):
                # The driver's own timeout does not include the time to resolve names.
                async with asyncio.timeout(self._timeout_s):
                    await self._have_indexes(self._database)
                    yield self._database
        except CircuitOpen as error:
            raise StoreCircuitOpen(
                "the database does not answer", retry_after_s=error.retry_after_s
            ) from error
        except _UNREACHABLE as error:
            raise StoreUnavailable("the database does not answer") from error
        except (PyMongoError, BSONError, UnreadableRecord, UnicodeError) as error:
            raise StoreUnavailable("the database does not work") from error

    async def check(self) -> None:
        """Ping the database.

        Raises:
            StoreUnavailable: it does not answer.
        """
        async with self.call() as database:
            await database.command("ping")

    def _connect(self) -> AsyncIOMotorClient[Document]:
        return AsyncIOMotorClient(
            self._uri,
            timeoutMS=self._timeout_ms,
            connectTimeoutMS=self._timeout_ms,
            serverSelectionTimeoutMS=self._timeout_ms,
            maxPoolSize=self._max_connections,
            maxIdleTimeMS=_IDLE_CONNECTION_S * 1000,
            appname="emotion-api",
        )

    async def _have_indexes(self, database: Database) -> None:
        if self._indexed:
            return
        # Calls that come meanwhile share one attempt and its outcome; otherwise each would wait in
        # turn.
        if self._indexing is None:
            self._indexing = asyncio.create_task(_make_indexes(database))
            self._indexing.add_done_callback(self._end_indexing)
        await asyncio.shield(self._indexing)

    def _end_indexing(self, attempt: asyncio.Task[None]) -> None:
        self._indexing = None
        self._indexed = not attempt.cancelled() and attempt.exception() is None


def _reason(client: AsyncIOMotorClient[Document], error: StoreUnavailable) -> str:
    """What an operator can mend. A call runs out of time before the driver says it."""
    if isinstance(error.__cause__, ConfigurationError):  # no such name for mongodb+srv
        return f": {error.__cause__}"
    topology = client.delegate.topology_description
    servers = topology.server_descriptions().values()
    if topology.replica_set_name and not servers:
        return f": no server is in the replica set {topology.replica_set_name}"
    for server in servers:
        if isinstance(server.error, OperationFailure) and server.error.code in _REFUSED_SIGN_IN:
            return ": it refuses the user or the password"
        if isinstance(server.error, ConnectionFailure):
            return f": {str(server.error).partition(' (configured timeouts')[0]}"
    return ""


async def _make_indexes(database: Database) -> None:
    for collection, models in INDEXES.items():
        await database[collection].create_indexes(list(models))
