"""The limits of a connection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on connections; ``.env.example`` says what each is for.

    Attributes:
        connections: open at once in this process.
        per_address: open at once from one network address; proxies are not bounded by it.
        header_bytes: of one request, its first line included.
        header_timeout_s: from the first byte of a request to the end of its headers, and from the
            connection to the first byte.
        body_timeout_s: a body may take this long, whatever its size.
        body_min_bytes_per_s: a body that arrives at least this fast may take longer.
        keep_alive_s: between two requests of one connection.
        send_timeout_s: a client may leave an answer unread for this long.
        discard_bytes: of a body that are read and discarded after an early answer.
        discard_timeout_s: discarding a body may take this long.
        message_bytes: of one WebSocket message.
        message_timeout_s: from the first byte of a WebSocket message to its last.
        unfinished_bytes: of large messages that have begun and not ended, of all clients together.
        frames_per_s: WebSocket frames of one connection, control frames and fragments included.
        sign_in_timeout_s: from the opening of a WebSocket to the acceptance of a token.
    """

    connections: int = 1000
    per_address: int = 200
    header_bytes: int = 32 * 1024
    header_timeout_s: float = 10
    body_timeout_s: float = 20
    body_min_bytes_per_s: int = 4096
    keep_alive_s: float = 5
    send_timeout_s: float = 30
    discard_bytes: int = 256 * 2**20
    discard_timeout_s: float = 30
    message_bytes: int = 16 * 2**20
    message_timeout_s: float = 30
    unfinished_bytes: int = 32 * 2**20
    frames_per_s: int = 1000
    sign_in_timeout_s: float = 10
