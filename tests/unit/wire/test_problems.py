"""The table of problems, compared with the errors there are."""

from collections.abc import Iterator

import pytest

import entrypoints.process.asgi  # noqa: F401 (imports every module that has errors)
from application.errors import ServiceUnavailable
from domain.errors import DomainError, NothingLeft
from entrypoints.wire.problem_kinds import KINDS


def kinds(base: type[DomainError | ServiceUnavailable]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


# Only the kinds of a caller who has nothing left are raised.
ERRORS = [
    error
    for error in (ServiceUnavailable, *kinds(DomainError), *kinds(ServiceUnavailable))
    if error is not NothingLeft
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_a_row(error: type[DomainError | ServiceUnavailable]) -> None:
    assert error.code in KINDS


def test_an_unavailable_part_is_never_the_fault_of_the_caller() -> None:
    for error in (ServiceUnavailable, *kinds(ServiceUnavailable)):
        assert KINDS[error.code].status == 503  # type: ignore[attr-defined]
