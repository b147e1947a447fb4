"""Turns every error into ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from application.errors import Overloaded, ServiceUnavailable, StoreCircuitOpen
from domain.errors import (
    DomainError,
    InvalidToken,
    NotAuthenticated,
    NothingLeft,
    QuotaExceeded,
)
from entrypoints.http.rate_limit import rate_limit
from entrypoints.wire import problems as wire
from entrypoints.wire.problem_kinds import KINDS, ProblemKind
from entrypoints.wire.problems import MEDIA_TYPE, Problem

OF_USERS = ("not_authenticated", "invalid_token", "store_unavailable")
"""What a call for users may answer with."""
OF_ONE_RECORD = (
    "invalid_request", "not_authenticated", "invalid_token", "forbidden", "not_found",
    "store_unavailable",
)  # fmt: skip
"""What a call may answer with that asks for one record of its user."""

log = structlog.get_logger(__name__)

# Litestar's own errors, by the status they come with.
_CODE_OF_STATUS = {
    400: "invalid_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    503: "service_unavailable",
}


class MissingFile(DomainError):
    """The form holds no file where one is needed."""

    code = "missing_file"


class RangeNotSatisfiable(DomainError):
    """The requested part of a file begins after its end."""

    code = "range_not_satisfiable"


class UnsupportedMediaType(DomainError):
    """The body is of a content type this call does not read."""

    code = "unsupported_media_type"


def to_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The problem for an error; the only place that translates errors."""
    kind, text = _kind_of(error), _text_of(error)
    if kind.code == "internal_error":
        log.error("unexpected error", exc_info=error)
    if isinstance(error, ServiceUnavailable) and not isinstance(
        error, Overloaded | StoreCircuitOpen
    ):
        _log_cause(kind.code, text, error.__cause__)
    return Response(
        wire.present(kind, text, instance=request.scope["path"], details=_details(error)),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=_headers(error),
    )


def problems(*codes: str) -> dict[int, ResponseSpec]:
    """Documents for OpenAPI which problems a call may answer with."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=" or ".join(KINDS[code].title for code in same),
            media_type=MEDIA_TYPE,
            generate_examples=False,
            examples=[
                Example(summary=code, value=msgspec.to_builtins(wire.example(KINDS[code])))
                for code in same
            ],
        )
        for status, same in by_status.items()
    }


def _kind_of(error: Exception) -> ProblemKind:
    if not isinstance(error, HTTPException):
        return wire.kind_of(error)
    default = "invalid_request" if error.status_code < 500 else "internal_error"
    return KINDS[_CODE_OF_STATUS.get(error.status_code, default)]


def _text_of(error: Exception) -> str:
    """The text that the client gets; never that of an unexpected error."""
    if isinstance(error, ValidationException):
        faults = (f"{field}: {fault}" for field, fault in _faults(error).items())
        return "; ".join(faults) or KINDS["invalid_request"].description
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.BAD_REQUEST:
        return "the request could not be read: " + _first_line(error.detail)
    if isinstance(error, HTTPException):
        return _kind_of(error).description
    return wire.text_of(error)


def _log_cause(code: str, text: str, cause: BaseException | None) -> None:
    if cause is not None:
        # An address in a driver's message may carry a user and a password.
        message = re.sub(r"//[^/\s]*@", "//", _first_line(str(cause)))
        log.warning(
            "unavailable", code=code, problem=text, cause=f"{type(cause).__name__}: {message}"
        )


def _details(error: Exception) -> dict[str, Any]:
    if isinstance(error, DomainError):
        return error.details
    if isinstance(error, ServiceUnavailable):
        return {"retry_after": error.retry_after_s}
    if isinstance(error, ValidationException):
        return {"fields": _faults(error)}
    return {}


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, QuotaExceeded):
        limits = rate_limit(error.limit, 0, error.retry_after_s)
        return {"Retry-After": str(error.retry_after_s), **limits}
    if isinstance(error, ServiceUnavailable | NothingLeft):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.details['size']}"}
    if isinstance(error, InvalidToken):
        return {"WWW-Authenticate": 'Bearer realm="emotion-api", error="invalid_token"'}
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="emotion-api"'}
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        return {"Allow": headers.get("allow", "")}
    return {}


def _faults(error: ValidationException) -> dict[str, str]:
    """Which fields are wrong and why; Litestar calls the body ``data``, also if it is missing."""
    faults = error.extra if isinstance(error.extra, list) else []
    return {
        "body" if fault.get("key", "data") == "data" else fault["key"]: (
            "is missing" if fault["message"] == "'data'" else fault["message"]
        )
        for fault in faults
    }


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200]
