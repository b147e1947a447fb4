"""Turns everything that can go wrong into the words of the realtime protocol, once."""

from __future__ import annotations

from typing import Any

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.wire.problems import kind_of


def describe(error: Exception) -> dict[str, Any]:
    """``code`` and ``message``, the stable word ``error``, and which ``field`` is wrong."""
    if not isinstance(error, DomainError | ServiceUnavailable):
        # Nothing of an unexpected error's inside reaches a client.
        return {"code": 500, "message": "something went wrong here", "error": "internal_error"}
    said: dict[str, Any] = {
        "code": kind_of(error).status,
        "message": str(error),
        "error": error.code,
    }
    if isinstance(error, DomainError) and "field" in error.details:
        said["field"] = error.details["field"]
    return said
