"""Who watches whose results: rooms that never reach across users."""

from __future__ import annotations

from collections.abc import Set

from domain.errors import InvalidRequest

MAX_ROOMS = 8


class Rooms:
    """The rooms of all users. A room of one user is another room than one of another's."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], set[str]] = {}
        self._joined: dict[str, set[tuple[str, str]]] = {}

    def join(self, sid: str, user_id: str, room: str) -> None:
        """Let a connection take part in a room of its user.

        Raises:
            InvalidRequest: it is in 8 rooms already.
        """
        joined = self._joined.setdefault(sid, set())
        if len(joined | {(user_id, room)}) > MAX_ROOMS:
            raise InvalidRequest(f"a session may join {MAX_ROOMS} rooms", field="room")
        joined.add((user_id, room))
        self._members.setdefault((user_id, room), set()).add(sid)

    def leave_all(self, sid: str) -> None:
        """Forget a connection."""
        for room in self._joined.pop(sid, ()):
            self._members[room].discard(sid)
            if not self._members[room]:
                del self._members[room]

    def companions(self, sid: str) -> Set[str]:
        """The other connections in any of its rooms."""
        joined = self._joined.get(sid, ())
        return {other for room in joined for other in self._members[room]} - {sid}
