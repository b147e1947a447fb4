"""Settings of the limits of connections."""

from __future__ import annotations

from pydantic import Field

from entrypoints.settings.group import Group


class ConnectionSettings(Group):
    """The limits of connections."""

    max_connections: int = Field(default=1000, ge=16, le=100_000)
    max_connections_per_address: int = Field(default=200, ge=1, le=100_000)
    max_header_bytes: int = Field(default=32 * 1024, ge=4096, le=2**20)
    header_timeout_s: float = Field(default=10.0, gt=0, le=600)
    body_timeout_s: float = Field(default=20.0, gt=0, le=3600)
    body_min_bytes_per_s: int = Field(default=4096, ge=1, le=2**20)
    keep_alive_s: float = Field(default=75.0, gt=0, le=3600)
    send_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    discard_mb: int = Field(default=256, ge=0, le=200_000)
    discard_timeout_s: float = Field(default=30.0, gt=0, le=600)
    message_timeout_s: float = Field(default=30.0, gt=0, le=600)
    unfinished_messages_mb: int = Field(default=32, ge=1, le=10_000)
    frames_per_s: int = Field(default=1000, ge=10, le=100_000)
    socket_sign_in_s: float = Field(default=10.0, gt=0, le=600)

    @property
    def discard_bytes(self) -> int:
        """How much of a body is read and discarded after an early answer."""
        return self.discard_mb * 2**20

    @property
    def unfinished_messages_bytes(self) -> int:
        """Of large WebSocket messages that have begun and not ended, of all clients together."""
        return self.unfinished_messages_mb * 2**20
