"""Counting, logging and answering refusals."""

from __future__ import annotations

import logging
from collections import Counter
from enum import StrEnum
from http import HTTPStatus

import prometheus_client
from litestar.serialization import encode_json
from prometheus_client import CollectorRegistry

from entrypoints.wire.problem_kinds import KINDS
from entrypoints.wire.problems import MEDIA_TYPE, present

LOG_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Refusal(StrEnum):
    """Why a connection was refused or closed; the label in ``/metrics``."""

    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_FROM_ADDRESS = "too_many_from_address"
    GAVE_WAY = "gave_way"
    IDLE = "idle"
    MALFORMED_REQUEST = "malformed_request"
    HEADER_TOO_LARGE = "header_too_large"
    HEADER_TOO_SLOW = "header_too_slow"
    BODY_TOO_SLOW = "body_too_slow"
    BODY_NOT_WANTED = "body_not_wanted"
    PIPELINED = "pipelined"
    ANSWER_NOT_READ = "answer_not_read"
    MALFORMED_MESSAGE = "malformed_message"
    MESSAGE_TOO_LARGE = "message_too_large"
    MESSAGE_TOO_SLOW = "message_too_slow"
    UNFINISHED_MESSAGES = "unfinished_messages"
    TOO_MANY_FRAMES = "too_many_frames"
    PONGS_NOT_READ = "pongs_not_read"
    SHUTTING_DOWN = "shutting_down"
    NOT_SIGNED_IN = "not_signed_in"
    TOO_MANY_NOT_SIGNED_IN = "too_many_not_signed_in"


class Refusals:
    """A counter for each reason, and at most one log line for each every ten seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._total = prometheus_client.Counter(
            "emotion_connections_refused_total",
            "Connections that were refused or closed early, by reason",
            ["reason"],
            registry=registry,
        )
        for reason in Refusal:
            self._total.labels(reason)
        self._unlogged: Counter[Refusal] = Counter()
        self._logged_at: dict[Refusal, float] = {}

    def count(self, reason: Refusal) -> None:
        """Count one."""
        self._total.labels(reason).inc()
        self._unlogged[reason] += 1

    def log_new(self, now_s: float) -> None:
        """Log what was counted since the last line, for each reason whose line is due.

        Args:
            now_s: of a monotonic clock.
        """
        for reason, number in list(self._unlogged.items()):
            if now_s - self._logged_at.get(reason, -LOG_EVERY_S) >= LOG_EVERY_S:
                log.warning("connections refused: %s (%d)", reason, number)
                self._logged_at[reason] = now_s
                del self._unlogged[reason]


def problem_response(code: str) -> bytes:
    """A whole HTTP response that says why the connection is closed."""
    kind = KINDS[code]
    body = encode_json(present(kind, kind.description, instance="", details={}))
    lines = [
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "connection: close",
    ]
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append("retry-after: 1")
    return "\r\n".join([*lines, "", ""]).encode() + body
