"""What applies to every request, on unknown paths too: an id, headers, a duration, a log line."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import cast
from uuid import uuid4

import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Histogram

from entrypoints.http.uploads import delete_uploads

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_REFUSED_CODING = re.compile(rb"[^,;]*;\s*q=0(\.0*)?\s*(?=,|$)", re.IGNORECASE)
_BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_QUIET = {"/healthz", "/readyz", "/metrics"}
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'"
)


class RequestMiddleware:
    """The outermost layer: Litestar's own middleware never sees requests that match no route."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "emotion_http_request_seconds",
            "Time from the request's headers to the end of the answer",
            ["method", "route", "status"],
            buckets=_BUCKETS_S,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        method = str(scope["method"])
        if method in ("GET", "HEAD"):
            # For HEAD the server has its own copy of the scope, and leaves the body out.
            query = _without_empty_values(scope["query_string"])
            scope = cast("Scope", {**scope, "method": HttpMethod.GET, "query_string": query})
        scope.setdefault("state", {})
        scope["headers"] = _without_refused_codings(scope["headers"])
        request_id = _request_id(scope)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(list(message["headers"]), request_id)
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode(), user_id=None):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                seconds = time.perf_counter() - started
                route = str(scope.get("path_template", "(none)"))
                self._seconds.labels(_known(method), route, str(status)).observe(seconds)
                emit = log.debug if scope["path"] in _QUIET else log.info
                emit(
                    "request",
                    method=method,
                    path=scope["path"],
                    status=status,
                    duration_ms=round(1000 * seconds, 1),
                )
                await delete_uploads(scope)


def _without_empty_values(query: bytes) -> bytes:
    """The query without names that have no value: forms send those of empty fields."""
    return b"&".join(pair for pair in query.split(b"&") if pair.partition(b"=")[2])


def _without_refused_codings(
    headers: Iterable[tuple[bytes, bytes]],
) -> list[tuple[bytes, bytes]]:
    """The headers, with only accepted codings: Litestar does not read their weights."""
    return [
        (name, _REFUSED_CODING.sub(b"", value) if name == b"accept-encoding" else value)
        for name, value in headers
    ]


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return uuid4().hex.encode()


def _with_headers(
    headers: list[tuple[bytes, bytes]], request_id: bytes
) -> list[tuple[bytes, bytes]]:
    present = {name.lower(): value for name, value in headers}
    headers += [(b"x-request-id", request_id), *_SECURITY_HEADERS]
    if b"cache-control" not in present:
        # Answers are for one caller and may change at any time.
        headers.append((b"cache-control", b"no-store"))
    if b"origin" not in present.get(b"vary", b"").lower():
        # Also where an origin is refused: a cache must not reuse that answer for an allowed one.
        headers.append((b"vary", b"Origin"))
    if b"content-security-policy" not in present:
        is_page = present.get(b"content-type", b"").startswith(b"text/html")
        headers.append((b"content-security-policy", _PAGE_POLICY if is_page else _DATA_POLICY))
    return headers


def _known(method: str) -> str:
    """The method as a label; unknown ones share a label, so that clients cannot add metrics."""
    common = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return method if method in common else "other"
