"""Records may be seen and changed by their owner only."""

from __future__ import annotations

from typing import TypeVar

from domain.detection import Detection
from domain.errors import Forbidden, NotFound
from domain.user import User
from domain.video import Video

_Owned = TypeVar("_Owned", Detection, Video)


def require_owned(record: _Owned | None, user: User, name: str) -> _Owned:
    """The record, if it exists and belongs to this user.

    Args:
        record: what the repository returned.
        user: who asks.
        name: what such a record is called in messages, such as ``detection``.

    Raises:
        NotFound: there is no record.
        Forbidden: it belongs to another user.
    """
    if record is None:
        raise NotFound(f"there is no such {name}")
    check_owner(record.user_id, user, name)
    return record


def check_owner(owner_id: str, user: User, name: str) -> None:
    """Refuse a user who is not the owner.

    Raises:
        Forbidden: the record belongs to another user.
    """
    if owner_id != user.user_id:
        raise Forbidden(f"this {name} belongs to another user")
