from collections.abc import Iterator

import application.errors
import domain.errors
from application.errors import ServiceUnavailable, StoreCircuitOpen
from domain.errors import DomainError, InvalidToken, NotAuthenticated, QuotaExceeded


def kinds(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


def test_every_kind_of_error_has_a_word_of_its_own() -> None:
    core = {domain.errors.__name__, application.errors.__name__}
    codes = [
        kind.code  # type: ignore[attr-defined]
        for base in (DomainError, ServiceUnavailable)
        for kind in kinds(base)
        # To a caller a store that was not asked is one that does not answer.
        if kind.__module__ in core and kind is not StoreCircuitOpen
    ]
    assert len(codes) > 10
    assert len(codes) == len(set(codes))


def test_a_token_that_does_not_stand_is_a_case_of_not_being_signed_in() -> None:
    assert issubclass(InvalidToken, NotAuthenticated)


def test_an_error_speaks_to_the_caller_and_carries_facts_for_programs() -> None:
    error = DomainError("this will not do", field="limit")
    assert str(error) == "this will not do"
    assert error.details == {"field": "limit"}


def test_a_used_up_quota_says_when_to_come_back() -> None:
    error = QuotaExceeded("that was all", retry_after_s=60, limit=3)
    assert error.details == {"retry_after": 60, "limit": 3, "remaining": 0}
