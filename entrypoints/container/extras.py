"""Optional packages: imported as late as possible, with a hint when missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from application.errors import ServiceUnavailable, StoreUnavailable


@contextmanager
def extra(
    name: str, wanted_by: str, unavailable: type[ServiceUnavailable] = StoreUnavailable
) -> Iterator[None]:
    """Import what an extra of this distribution brings, and say how to get it.

    Args:
        name: of the extra.
        wanted_by: what needs it, with its verb: "REDIS_URL needs".
        unavailable: the error that says so.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise unavailable(
            f"{error.name} is not installed, which {wanted_by}: pip install 'emotion-api[{name}]'"
        ) from error
