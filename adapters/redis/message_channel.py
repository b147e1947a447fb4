"""Messages between processes, by Redis publish and subscribe."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from redis import exceptions as faults
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from adapters.fan_out import MAX_WAITING, FanOut
from adapters.redis.database import RedisDatabase
from application.errors import StoreUnavailable

log = logging.getLogger(__name__)

_PAUSE_S = 1.0


class RedisMessageChannel:
    """Sends and receives in background tasks, so that no caller waits for the server.

    Opens and closes the database as well.

    Args:
        database: the server.
        quiet_s: seconds without a message after which the server is pinged; after as many seconds
            without an answer the connection counts as lost.
    """

    def __init__(self, database: RedisDatabase, *, quiet_s: float = 5.0) -> None:
        self._database = database
        self._quiet_s = quiet_s
        self._name = f"{database.prefix}:messages"
        self._listeners = FanOut()
        self._outgoing: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._something_to_send = asyncio.Event()
        self._is_subscribed = asyncio.Event()
        # The driver may swallow a cancellation if the connection fails at the same time.
        self._is_open = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect; from now on messages are carried."""
        try:
            await self._database.run(self._subscribe_once)
        except StoreUnavailable as error:
            raise StoreUnavailable(f"REDIS_URL: {error} at {self._database.address}") from error
        self._is_open = True
        self._tasks = [
            asyncio.create_task(self._send(), name="sending to Redis"),
            asyncio.create_task(self._receive(), name="receiving from Redis"),
        ]
        await self._is_subscribed.wait()

    async def close(self) -> None:
        """Disconnect, and end every ``listen``."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._listeners.publish(None)
        await self._database.close()

    def publish(self, message: bytes) -> None:
        """Queue a message, without waiting."""
        self._outgoing.append(message)
        self._something_to_send.set()

    def listen(self) -> AsyncIterator[bytes]:
        """What any process publishes from now on."""
        return self._listeners.listen()

    async def check(self) -> None:
        """Check the server and the subscription."""
        await self._database.check()
        if not self._is_subscribed.is_set():
            raise StoreUnavailable("the subscription to Redis is not established")

    async def _send(self) -> None:
        while self._is_open:
            await self._something_to_send.wait()
            self._something_to_send.clear()
            try:
                # Not repeatable: a message whose answer was lost may have arrived.
                await self._database.run(self._publish_all, repeatable=False)
            except StoreUnavailable as error:
                log.debug("messages to other processes are lost: %s", error)
                self._outgoing.clear()

    async def _publish_all(self, client: Redis) -> Any:
        async with client.pipeline(transaction=False) as pipeline:
            while self._outgoing:
                pipeline.publish(self._name, self._outgoing.popleft())
            return await pipeline.execute()

    async def _subscribe_once(self, client: Redis) -> None:
        """Check that the server answers and the user has the permission."""
        async with client.pubsub() as subscription:
            await subscription.subscribe(self._name)
            await subscription.get_message(timeout=None)

    async def _receive(self) -> None:
        while self._is_open:
            try:
                async with self._database.client.pubsub() as subscription:
                    await subscription.subscribe(self._name)
                    await self._hand_on(subscription)
            except Exception as error:  # Whatever the error is, listening has to continue.
                if self._is_subscribed.is_set():
                    log.warning("the connection to other processes was lost: %s", error)
            finally:
                self._is_subscribed.clear()
            await asyncio.sleep(_PAUSE_S)

    async def _hand_on(self, subscription: PubSub) -> None:
        """Pass messages to the listeners until the connection ends or stops answering."""
        asked = False
        while self._is_open:
            message = await subscription.get_message(timeout=self._quiet_s)
            if message is not None:
                asked = False
                if message["type"] == "message":
                    self._listeners.publish(message["data"])
                elif message["type"] == "subscribe":
                    log.info("connected to other processes through Redis")
                    self._is_subscribed.set()
            elif asked:
                raise faults.ConnectionError("no answer to a ping")
            else:
                await subscription.ping()
                asked = True
