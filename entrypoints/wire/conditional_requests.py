"""Whether a client already holds what it asks for (RFC 9110, 13)."""

from __future__ import annotations

from collections.abc import Mapping


def is_held(headers: Mapping[str, str], etag: str) -> bool:
    """Whether ``If-None-Match`` names the tag; weak and strong ones count as the same.

    Args:
        headers: of the request.
        etag: of what would be sent.
    """
    held = headers.get("if-none-match", "")
    tags = (each.strip().removeprefix("W/") for each in held.split(","))
    return held.strip() == "*" or etag.removeprefix("W/") in tags
