"""HTTP calls to an inference server, with pooled connections and translated errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import InferenceUnavailable

_Read = TypeVar("_Read")

# The scores of a batch take a few kilobytes; an answer of a megabyte is something else.
_MAX_ANSWER_BYTES = 2**20


class Unreachable(InferenceUnavailable):
    """The server does not answer, or answers with an error; it may recover."""


class UnexpectedAnswer(Exception):
    """An answer that does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server.

    Attributes:
        status: of HTTP; below 500.
        headers: with case-insensitive names.
        body: at most a megabyte.
    """

    status: int
    headers: httpx.Headers
    body: bytes


class InferenceServer:
    """One server, or one address of several.

    Its methods block and may be called from several threads at once.

    Args:
        url: the part before ``/v2``.
        timeout_s: timeout in seconds of connecting, sending and waiting each; a whole call takes at
            most about twice that.
        connections: how many are kept open, and used at once.
        breaker: guards the calls.
        trace_headers: returns the trace headers of a call; called in the calling thread.

    Raises:
        InferenceUnavailable: the URL is not valid.
    """

    def __init__(
        self,
        *,
        url: str,
        timeout_s: float,
        connections: int,
        breaker: CircuitBreaker,
        trace_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        try:
            self._client = httpx.Client(
                base_url=url,
                timeout=timeout_s,
                limits=limits,
                # Triton compresses if allowed, which makes small answers slower.
                headers={"Accept-Encoding": "identity"},
            )
        except httpx.InvalidURL as error:
            raise InferenceUnavailable(f"REMOTE_CLASSIFIER_URL cannot be used: {error}") from error
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._trace_headers = trace_headers

    def answered_within(self, seconds: float) -> bool:
        """Whether the latest call succeeded within the last seconds."""
        return self._breaker.answered_within(seconds)

    def ask(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[Answer], _Read],
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Read:
        """Send one request and read its answer.

        Args:
            method: of HTTP.
            path: from ``/v2`` on, quoted.
            read: parses the answer, with any status below 500, or raises ``UnexpectedAnswer``.
            content: the body.
            headers: of the request.

        Raises:
            Unreachable: there was no usable answer.
        """
        request = self._client.build_request(
            method, path, content=content, headers={**(headers or {}), **self._trace_headers()}
        )
        try:
            with self._breaker.guard(httpx.TransportError, UnexpectedAnswer):
                return read(self._send_again_if_broken(request))
        except CircuitOpen as error:
            raise Unreachable(
                "the inference server does not answer", retry_after_s=error.retry_after_s
            ) from error
        except httpx.TransportError as error:
            raise Unreachable("the inference server does not answer") from error
        except UnexpectedAnswer as error:
            raise Unreachable(f"the inference server does not work: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _send_again_if_broken(self, request: httpx.Request) -> Answer:
        # A server may close an idle connection just when it is used. Repeating the call does no
        # harm; but a server that was too slow, or refused, is not called again.
        try:
            return self._send(request)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            return self._send(request)

    def _send(self, request: httpx.Request) -> Answer:
        deadline_s = time.monotonic() + 2 * self._timeout_s
        response = self._client.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MAX_ANSWER_BYTES:
                    raise UnexpectedAnswer("its answer has no end")
                if time.monotonic() > deadline_s:
                    raise httpx.ReadTimeout("the answer arrives too slowly", request=request)
        except httpx.DecodingError as error:
            raise UnexpectedAnswer("its answer cannot be decompressed") from error
        finally:
            response.close()
        if response.status_code >= 500:
            raise UnexpectedAnswer(f"it answers {response.status_code}")
        return Answer(response.status_code, response.headers, bytes(body))
