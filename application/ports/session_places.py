"""How many realtime sessions each user has open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

LEASE_S = 45.0
"""Seconds a place is held without being renewed."""


class SessionPlaces(Protocol):
    """Counts the open sessions of each user, in every process that shares the counter.

    A place is held under a lease, so that the places of a process that dies become free. May raise
    ``StoreUnavailable``.
    """

    async def take(self, user_id: str, session_id: str, limit: int) -> bool:
        """Hold a place for a session of the user, for one lease.

        Atomic: of several calls at once no more succeed than the limit allows.

        Args:
            user_id: of the session's user.
            session_id: of the session; one that holds a place already keeps it.
            limit: places the user may hold at a time.

        Returns:
            False, and nothing changed, where the user holds that many already.
        """
        ...

    async def renew(self, sessions: Mapping[str, str]) -> None:
        """Hold the places of open sessions for one more lease, those that were lost included.

        Args:
            sessions: the user of each session, by the session's id.
        """
        ...

    async def give_back(self, user_id: str, session_id: str) -> None:
        """Give a place back; one that is not held is not an error."""
        ...
