"""Settings of the limits of connections."""

from __future__ import annotations

from pydantic import Field

from entrypoints.server.limits import ConnectionLimits
from entrypoints.settings.group import Group


class ConnectionSettings(Group):
    """The limits of connections."""

    max_connections: int = Field(default=1000, ge=16, le=100_000)
    max_connections_per_address: int = Field(default=200, ge=1, le=100_000)
    max_header_bytes: int = Field(default=32 * 1024, ge=4096, le=1024 * 1024)
    header_timeout_s: float = Field(default=10.0, gt=0, le=600)
    body_timeout_s: float = Field(default=20.0, gt=0, le=3600)
    body_min_bytes_per_s: int = Field(default=4096, ge=1, le=1024 * 1024)
    keep_alive_s: float = Field(default=5.0, gt=0, le=3600)
    send_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    discard_mb: int = Field(default=256, ge=0, le=10_000)
    discard_timeout_s: float = Field(default=30.0, gt=0, le=600)
    message_timeout_s: float = Field(default=30.0, gt=0, le=600)
    unfinished_messages_mb: int = Field(default=32, ge=1, le=10_000)
    frames_per_s: int = Field(default=1000, ge=10, le=100_000)
    socket_sign_in_s: float = Field(default=10.0, gt=0, le=600)

    @property
    def limits(self) -> ConnectionLimits:
        """The limits of a connection."""
        return ConnectionLimits(
            connections=self.max_connections,
            per_address=self.max_connections_per_address,
            header_bytes=self.max_header_bytes,
            header_timeout_s=self.header_timeout_s,
            body_timeout_s=self.body_timeout_s,
            body_min_bytes_per_s=self.body_min_bytes_per_s,
            keep_alive_s=self.keep_alive_s,
            send_timeout_s=self.send_timeout_s,
            discard_bytes=self.discard_mb * 2**20,
            discard_timeout_s=self.discard_timeout_s,
            message_timeout_s=self.message_timeout_s,
            unfinished_bytes=self.unfinished_messages_mb * 2**20,
            frames_per_s=self.frames_per_s,
            sign_in_timeout_s=self.socket_sign_in_s,
        )
