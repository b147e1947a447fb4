"""The places of sessions of all processes, in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from adapters.redis.database import RedisDatabase
from application.ports.session_places import LEASE_S

_LEASE_MS = round(1000 * LEASE_S)
_ANY_NUMBER = 2**31
_AT_ONCE = 200

# One key per user: each session with the end of its lease, by the server's clock, so that the
# clocks of the hosts need not agree. The key expires with the last lease.
_TAKE = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
end
redis.call('ZADD', KEYS[1], now_ms + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class RedisSessionPlaces:
    """Counts in a script, which the server runs atomically."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    async def take(self, user_id: str, session_id: str, limit: int) -> bool:
        """Hold a place for a session of the user."""
        arguments = self._key(user_id), session_id, limit, _LEASE_MS
        return bool(await self._database.run(lambda client: client.eval(_TAKE, 1, *arguments)))

    async def renew(self, sessions: Mapping[str, str]) -> None:
        """Hold the places of open sessions for one more lease."""
        held = list(sessions.items())
        for start in range(0, len(held), _AT_ONCE):
            await self._renew(held[start : start + _AT_ONCE])

    async def give_back(self, user_id: str, session_id: str) -> None:
        """Give a place back."""
        await self._database.run(lambda client: client.zrem(self._key(user_id), session_id))

    async def _renew(self, held: list[tuple[str, str]]) -> None:
        async def renew(client: Redis) -> Any:
            async with client.pipeline(transaction=False) as pipeline:
                for session_id, user_id in held:
                    key = self._key(user_id)
                    pipeline.eval(_TAKE, 1, key, session_id, _ANY_NUMBER, _LEASE_MS)
                return await pipeline.execute()

        await self._database.run(renew)

    def _key(self, user_id: str) -> str:
        return f"{self._database.prefix}:sessions:{user_id}"
