"""Turns everything that can go wrong into the words of the realtime protocol, once."""

from __future__ import annotations

from typing import Any

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.http.problem_kinds import KINDS


def code_of(error: DomainError | ServiceUnavailable) -> int:
    """The number for an error, the same as in HTTP."""
    kind = KINDS.get(error.code, KINDS["domain_error"])
    return kind.status


def describe(error: Exception) -> dict[str, Any]:
    """``code`` and ``message``, the stable word ``error``, and which ``field`` is wrong."""
    if not isinstance(error, DomainError | ServiceUnavailable):
        # Nothing of an unexpected error's inside reaches a client.
        return {"code": 500, "message": "something went wrong here", "error": "internal_error"}
    said: dict[str, Any] = {"code": code_of(error), "message": str(error), "error": error.code}
    if isinstance(error, DomainError) and "field" in error.details:
        said["field"] = error.details["field"]
    return said
