"""The places of the sessions in this process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from application.ports.clock import Clock
from application.ports.session_places import LEASE_S


class SingleProcessSessionPlaces:
    """Fulfils ``SessionPlaces``: keeps the end of each lease by user and session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_s: defaultdict[str, dict[str, float]] = defaultdict(dict)

    async def take(self, user_id: str, session_id: str, limit: int) -> bool:
        """Hold a place for a session of the user."""
        now_s = self._clock.monotonic()
        held = {key: end_s for key, end_s in self._ends_s[user_id].items() if end_s > now_s}
        if session_id not in held and len(held) >= limit:
            return False
        self._ends_s[user_id] = held | {session_id: now_s + LEASE_S}
        return True

    async def renew(self, sessions: Mapping[str, str]) -> None:
        """Hold the places of open sessions for one more lease."""
        end_s = self._clock.monotonic() + LEASE_S
        for session_id, user_id in sessions.items():
            self._ends_s[user_id][session_id] = end_s

    async def give_back(self, user_id: str, session_id: str) -> None:
        """Give a place back."""
        self._ends_s[user_id].pop(session_id, None)
        if not self._ends_s[user_id]:
            del self._ends_s[user_id]
