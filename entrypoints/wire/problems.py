"""Problems as clients get them, the same for all transports."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.wire.problem_kinds import KINDS, ProblemKind

MEDIA_TYPE = "application/problem+json"


class Problem(Struct, kw_only=True):
    """What went wrong, as in RFC 9457."""

    type: Annotated[str, Meta(description="Names the kind of problem; leads to a description.")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Meta(description="The path that was asked for.")]
    code: Annotated[str, Meta(description="A stable word to branch on.")]
    message: Annotated[str, Meta(description="The same text as `detail`.")]
    details: dict[str, Any]


def present(kind: ProblemKind, text: str, *, instance: str, details: dict[str, Any]) -> Problem:
    """A problem of a kind.

    Args:
        kind: of the table.
        text: what went wrong this time.
        instance: the path that was asked for.
        details: facts that a program may need.
    """
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=text,
        instance=instance,
        code=kind.code,
        message=text,
        details=details,
    )


def example(kind: ProblemKind) -> Problem:
    """An example answer of a kind."""
    return present(
        kind, kind.description, instance="/the/path/that/was/asked/for", details=kind.details
    )


def kind_of(error: Exception) -> ProblemKind:
    """The kind of an error of the core; ``internal_error`` for every other."""
    if isinstance(error, DomainError | ServiceUnavailable):
        return KINDS[error.code]
    return KINDS["internal_error"]


def text_of(error: Exception) -> str:
    """The text that a client gets; for an unexpected error only the description of its kind."""
    if isinstance(error, DomainError | ServiceUnavailable):
        return str(error)
    return KINDS["internal_error"].description
