"""The web pages that may call, over HTTP and Socket.IO."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed_origins(listed: Iterable[str]) -> tuple[str, ...]:
    """The origins listed; one on this machine is allowed under each name of the machine.

    A development server prints one name, and users type another.
    """
    allowed: dict[str, None] = {}
    for origin in listed:
        scheme, host, port = _parts(origin)
        for name in _LOOPBACK if host in _LOOPBACK else (host,):
            allowed[f"{scheme}://{name}{port}"] = None
    return tuple(allowed)


def _parts(origin: str) -> tuple[str, str, str]:
    """Scheme, host and port; the port with its colon, or empty."""
    scheme, _, rest = origin.partition("://")
    port = re.search(r":\d+$", rest)
    return scheme, rest[: port.start()] if port else rest, port[0] if port else ""
