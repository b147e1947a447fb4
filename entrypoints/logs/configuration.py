"""Structured logs, an event per line: text at a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from entrypoints.logs.writer import LogWriter

log = logging.getLogger(__name__)

LogStyle = Literal["auto", "console", "json"]

# Values under these names are never logged, even if bound by mistake.
_NEVER_LOGGED = {"token", "id_token", "access_token", "refresh_token", "authorization", "cookie",
                 "password", "secret", "secret_key", "body", "image", "data"}  # fmt: skip

_MAX_TEXT_LENGTH = 2_000
_MAX_TRACEBACK_LENGTH = 16_000
# Log lines contain text from clients, which must neither control a terminal nor add lines.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# JSON web tokens, anything after "Bearer", and secrets in the query of a URL.
_TOKEN = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]*){1,2}"
    r"|(?<=Bearer )\S+"
    r"|(?<=[?&;])(?:sid|code|key|signature|\w*token|\w*secret|\w*password)=[^&\s\"';]*",
    re.IGNORECASE,
)


def is_for_people(style: LogStyle, stream: TextIO) -> bool:
    """Whether the output is a terminal, so that it should be text and not JSON."""
    return style == "console" or (style == "auto" and stream.isatty())


def _standard_error() -> int:
    """Its file descriptor, also where ``sys.stderr`` is replaced by an object without one."""
    try:
        return sys.stderr.fileno()
    except OSError:
        return 2


def configure_logs(level: str, style: LogStyle) -> None:
    """Send all logs of this process, also those of libraries, to standard error in one form.

    Args:
        level: the least severe level shown, for example ``INFO``.
        style: ``auto`` is ``console`` at a terminal and ``json`` otherwise.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _withhold_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = LogWriter(_standard_error())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _shorten_and_scrub,
                *_renderers(to_terminal=is_for_people(style, sys.stderr)),
            ],
        )
    )
    logging.getLogger().handlers[:] = [handler]
    logging.captureWarnings(True)
    _set_levels(level)
    for own_handlers in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own_handlers).handlers.clear()
        logging.getLogger(own_handlers).propagate = True


def _renderers(*, to_terminal: bool) -> list[structlog.typing.Processor]:
    if not to_terminal:
        return [structlog.processors.JSONRenderer()]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [_escape_controls, plain]


def _set_levels(level: str) -> None:
    root = logging.getLogger()
    # At DEBUG, libraries log what clients sent.
    root.setLevel(max(logging.INFO, logging.getLevelName(level)))
    for own in ("domain", "application", "adapters", "entrypoints"):
        logging.getLogger(own).setLevel(level)
    for noisy in ("uvicorn.access", "engineio", "socketio", "asyncio", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def log_stray_exceptions() -> None:
    """Log uncaught exceptions, which Python prints to standard error otherwise.

    These are raised in threads and in finalisers.
    """

    def in_thread(stray: threading.ExceptHookArgs) -> None:
        if stray.exc_type is not SystemExit:
            in_finaliser(stray)

    def in_finaliser(stray: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
        error = stray.exc_type() if stray.exc_value is None else stray.exc_value
        log.error(
            "an exception was not caught", exc_info=(stray.exc_type, error, stray.exc_traceback)
        )

    threading.excepthook = in_thread
    sys.unraisablehook = in_finaliser


def _shorten_and_scrub(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Shorten long texts, and remove what looks like a token from all of them."""
    for key, value in event.items():
        if isinstance(value, str):
            max_length = _MAX_TRACEBACK_LENGTH if key == "exception" else _MAX_TEXT_LENGTH
            if len(value) > max_length:
                value = f"{value[:max_length]} [{len(value) - max_length} more characters]"
            event[key] = _TOKEN.sub("[withheld]", value)
    return event


def _escape_controls(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape control characters; the JSON renderer does so itself."""
    for key, value in event.items():
        if isinstance(value, str):
            value = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
            event[key] = value if key == "exception" else value.replace("\n", "\\n")
    return event


def _withhold_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key in _NEVER_LOGGED & event.keys():
        event[key] = "[withheld]"
    return event
