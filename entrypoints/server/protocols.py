"""The uvicorn settings for connections with limits."""

from __future__ import annotations

import logging
import math
import resource
from functools import partial
from typing import Any

from entrypoints.server.connections import Connections
from entrypoints.server.http import HttpConnection
from entrypoints.server.websocket import MESSAGE_BYTES, WebSocketConnection
from entrypoints.settings.connections import ConnectionSettings

# A connection, its upload, which is a file if it is large, and another that waits to start.
_FILES_A_CONNECTION = 3
# Other open files: databases, the spool, libraries, logs.
_OTHER_FILES = 96

log = logging.getLogger(__name__)


def protocols(connections: Connections) -> dict[str, Any]:
    """Settings for ``uvicorn.Config`` with which every connection is one of ``connections``."""
    limits = connections.limits
    return {
        "http": partial(HttpConnection, connections=connections),
        "ws": partial(WebSocketConnection, connections=connections),
        "h11_max_incomplete_event_size": limits.max_header_bytes,
        "timeout_keep_alive": math.ceil(limits.keep_alive_s),
        # Compressing JPEG frames again costs ten times the round trip and saves nothing.
        "ws_per_message_deflate": False,
        "ws_max_size": MESSAGE_BYTES,
    }


def within_open_files(limits: ConnectionSettings) -> ConnectionSettings:
    """The limits, with no more connections than this process may have open files.

    The limit of open files is raised first, as far as an ordinary process may raise it.
    """
    wanted = limits.max_connections * _FILES_A_CONNECTION + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    room = max(soft - _OTHER_FILES, soft // 2) // _FILES_A_CONNECTION
    log.warning(
        "MAX_CONNECTIONS=%d is lowered to %d: this process may have %d files open",
        limits.max_connections, room, soft,
    )  # fmt: skip
    return limits.model_copy(update={"max_connections": room})
