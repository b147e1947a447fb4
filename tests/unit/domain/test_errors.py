from collections.abc import Iterator

import application.errors
import domain.errors
from application.errors import ServiceUnavailable, StoreCircuitOpen
from domain.errors import DomainError, NothingLeft, QuotaExceeded


def kinds(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


def test_every_error_has_its_own_code() -> None:
    core = {domain.errors.__name__, application.errors.__name__}
    codes = [
        kind.code  # type: ignore[attr-defined]
        for base in (DomainError, ServiceUnavailable)
        for kind in kinds(base)
        # For a caller an open circuit is the same as an unavailable store.
        if kind.__module__ in core and kind not in (DomainError, NothingLeft, StoreCircuitOpen)
    ]
    assert len(codes) > 10
    assert len(codes) == len(set(codes))


def test_an_exceeded_quota_has_retry_after() -> None:
    error = QuotaExceeded("that was all", retry_after_s=60, limit=3)
    assert error.details == {"retry_after": 60, "limit": 3, "remaining": 0}
