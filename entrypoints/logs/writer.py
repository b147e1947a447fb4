"""Writing log lines beside the event loop, so that a reader who stalls holds nothing up."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque

_MAX_WAITING_CHARACTERS = 4_000_000
_LAST_LINES_S = 2.0


class LogWriter(logging.Handler):
    """Formats records where they arise and writes them in a thread of its own.

    While the reader takes nothing, lines wait; when too much waits, further ones are dropped, and
    their number is logged when it goes on.

    Args:
        descriptor: the open file that lines go to. It is written to directly: a stream of Python
            that a thread hangs in would keep the process from ending.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._waiting = 0
        self._dropped = 0
        self._is_closed = False
        self._has_news = threading.Condition()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record in; never waits for the stream."""
        try:
            line = self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return
        with self._has_news:
            if self._waiting + len(line) > _MAX_WAITING_CHARACTERS or self._is_closed:
                self._dropped += 1
                return
            self._lines.append(line)
            self._waiting += len(line)
            if self._thread is None:
                # Not before the first line: a process that forks has none to lose.
                self._thread = threading.Thread(target=self._write, name="log", daemon=True)
                self._thread.start()
            self._has_news.notify()

    def close(self) -> None:
        """Write what waits, for two seconds at most."""
        with self._has_news:
            self._is_closed = True
            self._has_news.notify()
        if self._thread is not None:
            self._thread.join(_LAST_LINES_S)
        super().close()

    def _write(self) -> None:
        while True:
            with self._has_news:
                while not self._lines and not self._is_closed:
                    self._has_news.wait()
                if not self._lines:
                    return
                lines = "".join(self._lines)
                self._lines.clear()
            self._write_out(lines.encode("utf-8", "backslashreplace"))
            with self._has_news:
                self._waiting -= len(lines)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._write_out(self._told(dropped))

    def _write_out(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            pass  # there is nobody to tell

    def _told(self, dropped: int) -> bytes:
        record = logging.LogRecord(
            __name__, logging.WARNING, __file__, 0, "%d lines of log were dropped", (dropped,), None
        )
        return (self.format(record) + "\n").encode()
