"""Turns everything that can go wrong into ``application/problem+json`` (RFC 9457), once."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from application.errors import Overloaded, ServiceUnavailable, StoreLeftAlone
from domain.errors import DomainError, InvalidToken, NotAuthenticated, QuotaExceeded
from entrypoints.http.problem_kinds import KINDS, type_uri
from entrypoints.http.rate_limit import rate_limit
from entrypoints.http.schemas import Problem

MEDIA_TYPE = "application/problem+json"

OF_ONE_RECORD = (
    "invalid_request", "not_authenticated", "invalid_token", "forbidden", "not_found",
    "store_unavailable",
)  # fmt: skip
"""What a call may answer with that asks for one record of its user."""

log = structlog.get_logger(__name__)


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

_EXAMPLE_DETAILS: dict[str, dict[str, Any]] = {
    "missing_file": {"field": "file"},
    "batch_too_large": {"limit": 12},
    "image_too_large": {"limit": 5 * 2**20},
    "image_dimensions_too_large": {"width": 9000, "height": 6000, "limit": 50_000_000},
    "image_too_costly": {"cost": "memory", "limit": 160_000_000},
    "quota_exceeded": {"retry_after": 3600, "limit": 3, "remaining": 0},
    "service_unavailable": {"retry_after": 5},
    "store_unavailable": {"retry_after": 5},
    "identity_unavailable": {"retry_after": 5},
    "inference_unavailable": {"retry_after": 5},
    "overloaded": {"retry_after": 1},
}


class MissingFile(DomainError):
    """The form holds no file where one is needed."""

    code = "missing_file"


class UnsupportedMediaType(DomainError):
    """The body is of a content type this call does not read."""

    code = "unsupported_media_type"


def code_of(error: Exception) -> str:
    """The stable word for an error."""
    if isinstance(error, DomainError | ServiceUnavailable):
        return error.code if error.code in KINDS else "domain_error"
    if isinstance(error, HTTPException):
        default = "invalid_request" if error.status_code < 500 else "internal_error"
        return _CODE_OF_STATUS.get(error.status_code, default)
    return "internal_error"


def text_of(error: Exception) -> str:
    """What may be told of an error; nothing of its inside."""
    if isinstance(error, DomainError | ServiceUnavailable):
        return str(error)
    if isinstance(error, ValidationException):
        faults = (f"{field}: {fault}" for field, fault in _faults(error).items())
        return "; ".join(faults) or KINDS["invalid_request"].description
    if isinstance(error, HTTPException) and error.status_code == 400:
        return "the request could not be read: " + _first_line(error.detail)
    return KINDS[code_of(error)].description


def to_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The one place where an error meets the wire."""
    code = code_of(error)
    kind = KINDS[code]
    if code == "internal_error":
        log.error("unexpected error", exc_info=error)
    text = text_of(error)
    if isinstance(error, ServiceUnavailable) and not isinstance(error, Overloaded | StoreLeftAlone):
        _log_cause(code, text, error.__cause__)
    problem = Problem(
        type=type_uri(code),
        title=kind.title,
        status=kind.status,
        detail=text,
        instance=request.scope["path"],
        code=code,
        message=text,
        details=_details(error),
    )
    return Response(
        problem, status_code=kind.status, media_type=MEDIA_TYPE, headers=_headers(error)
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
            examples=[Example(summary=code, value=example(code)) for code in same],
        )
        for status, same in by_status.items()
    }


def example(code: str) -> dict[str, Any]:
    """What an answer of a kind looks like."""
    kind = KINDS[code]
    return {
        "type": type_uri(code),
        "title": kind.title,
        "status": kind.status,
        "detail": kind.description,
        "instance": "/the/path/that/was/asked/for",
        "code": code,
        "message": kind.description,
        "details": _EXAMPLE_DETAILS.get(code, {}),
    }


def _log_cause(code: str, text: str, cause: BaseException | None) -> None:
    if cause is not None:
        # An address in a driver's message may carry a user and a password.
        told = re.sub(r"//[^/\s]*@", "//", _first_line(str(cause)))
        log.warning("unavailable", code=code, problem=text, cause=f"{type(cause).__name__}: {told}")


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
    if isinstance(error, ServiceUnavailable):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, InvalidToken):
        return {"WWW-Authenticate": 'Bearer realm="emotion-api", error="invalid_token"'}
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="emotion-api"'}
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        return {"Allow": headers.get("allow", "")}
    return {}


def _faults(error: ValidationException) -> dict[str, str]:
    """Which field is wrong in what way; Litestar calls the body ``data``, also where it misses."""
    faults = error.extra if isinstance(error.extra, list) else []
    return {
        "body" if fault.get("key", "data") == "data" else fault["key"]: (
            "is missing" if fault["message"] == "'data'" else fault["message"]
        )
        for fault in faults
    }


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200]
