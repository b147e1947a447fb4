"""Settings of live sessions, and of Redis."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyUrl, Field, RedisDsn, SecretStr, UrlConstraints

from entrypoints.settings.group import Group, check_with

_REDIS_FORM = (
    "must be redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path; "
    "signs such as / @ : in a password are written as %2F %40 %3A"
)
_check_redis_form = check_with(
    RedisDsn | Annotated[AnyUrl, UrlConstraints(allowed_schemes=["unix"])], _REDIS_FORM
)


def _check_redis_url(url: SecretStr) -> SecretStr:
    # A password with a bare "/" in it would pass for a host and a path.
    address = AnyUrl(_check_redis_form(url).get_secret_value())
    if address.scheme != "unix" and not re.fullmatch(r"(/\d*)?", address.path or ""):
        raise ValueError(_REDIS_FORM)
    return url


class RealtimeSettings(Group):
    """The number of sessions, their transports, and Redis."""

    max_realtime_sessions: int = Field(default=64, ge=0, le=10_000)
    max_realtime_sessions_per_user: int = Field(default=16, ge=1, le=10_000)
    socketio_transports: Literal["polling,websocket", "websocket"] = "polling,websocket"
    redis_url: Annotated[SecretStr, AfterValidator(_check_redis_url)] | None = None
    redis_prefix: str = Field(default="emotion-api", min_length=1)

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """What only Redis uses."""
        return {"REDIS_URL": ("redis_prefix",)} if self.redis_url is None else {}

    @property
    def shared_through(self) -> str:
        """What counts sessions and connects rooms: the single process itself, or Redis."""
        return "single_process" if self.redis_url is None else "redis"
