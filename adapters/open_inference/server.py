"""Speaking HTTP with an inference server: connections that are kept, and every fault told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from application.errors import InferenceUnavailable

_Read = TypeVar("_Read")

# Scores of a batch are a few kilobytes; whoever sends a megabyte sends something else.
_LARGEST_ANSWER = 2**20


class Unreachable(InferenceUnavailable):
    """The server does not answer, or not sensibly; later it may."""


class UnexpectedAnswer(Exception):
    """An answer that is not what the protocol promises."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said.

    Attributes:
        status: of HTTP; below 500.
        headers: their names in any case.
        body: at most a megabyte.
    """

    status: int
    headers: httpx.Headers
    body: bytes


class InferenceServer:
    """One server, or one address behind which several stand.

    Its methods block and may be called from several threads at once.

    Args:
        url: what comes before ``/v2``.
        timeout_s: seconds a call may take; each of connecting, sending and waiting, and all in all
            no more than about twice that.
        connections: kept open, and used at once.
        breaker: watches the calls.
        carried: headers that say which trace a call belongs to, asked in the thread that calls.

    Raises:
        InferenceUnavailable: the URL is none.
    """

    def __init__(
        self,
        *,
        url: str,
        timeout_s: float,
        connections: int,
        breaker: CircuitBreaker,
        carried: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        try:
            self._client = httpx.Client(
                base_url=url,
                timeout=timeout_s,
                limits=limits,
                # Triton compresses whatever it may, and then a few numbers take longer.
                headers={"Accept-Encoding": "identity"},
            )
        except httpx.InvalidURL as error:
            raise InferenceUnavailable(f"REMOTE_CLASSIFIER_URL cannot be used: {error}") from error
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._carried = carried

    def answered_within(self, seconds: float) -> bool:
        """Whether the latest call went well, and was that recent."""
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
            read: makes sense of the answer, whatever its status below 500, or raises
                ``UnexpectedAnswer``.
            content: the body.
            headers: that go with it.

        Raises:
            Unreachable: there was no such answer.
        """
        request = self._client.build_request(
            method, path, content=content, headers={**(headers or {}), **self._carried()}
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
            raise Unreachable(f"the inference server does not do its work: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _send_again_if_broken(self, request: httpx.Request) -> Answer:
        # A server may close an idle connection just when it is used. Reading a face twice does no
        # harm; but whoever was too slow, or refused, is not asked a second time.
        try:
            return self._send(request)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            return self._send(request)

    def _send(self, request: httpx.Request) -> Answer:
        deadline = time.monotonic() + 2 * self._timeout_s
        response = self._client.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise UnexpectedAnswer("its answer has no end")
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer trickles in", request=request)
        except httpx.DecodingError as error:
            raise UnexpectedAnswer("its answer cannot be unpacked") from error
        finally:
            response.close()
        if response.status_code >= 500:
            raise UnexpectedAnswer(f"it answers {response.status_code}")
        return Answer(response.status_code, response.headers, bytes(body))
