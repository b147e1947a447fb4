"""What ports raise when an outside system fails; broken rules are in ``domain.errors``."""

from __future__ import annotations

from typing import ClassVar


class ServiceUnavailable(Exception):
    """Something the service needs does not answer; the same call may succeed later.

    The message may be shown to the caller; the driver's own exception is chained.
    """

    code: ClassVar[str] = "service_unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreUnavailable(ServiceUnavailable):
    """A repository, the image store or the spool cannot be reached or cannot take more."""

    code = "store_unavailable"


class StoreCircuitOpen(StoreUnavailable):
    """The circuit breaker is open: the store failed recently and was not called this time."""


class IdentityUnavailable(ServiceUnavailable):
    """The identity provider cannot be asked, so a token can be neither accepted nor refused."""

    code = "identity_unavailable"


class InferenceUnavailable(ServiceUnavailable):
    """The decoder, the face detector or the classifier cannot run."""

    code = "inference_unavailable"


class Overloaded(ServiceUnavailable):
    """All places are taken; nothing was started for this request."""

    code = "overloaded"


def unexpected(error: BaseException) -> BaseException | None:
    """What a log line needs as ``exc_info``: the error, unless a service just does not answer."""
    return None if isinstance(error, ServiceUnavailable) else error
