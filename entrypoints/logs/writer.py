"""Writing log lines in a thread, so that a slow reader does not block the event loop."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque

_MAX_WAITING_CHARACTERS = 4_000_000
_LAST_LINES_S = 2.0


class LogWriter(logging.Handler):
    """Formats records in the thread that logs, and writes them in another.

    While the reader is stalled, lines wait; when too many wait, further ones are dropped, and their
    number is logged once writing continues.

    Args:
        descriptor: of the open file that lines go to. It is written to directly: a thread that is
            blocked in a Python stream would keep the process from exiting.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._waiting = 0
        self._dropped = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; never waits for the file."""
        try:
            line = self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return
        with self._changed:
            if self._waiting + len(line) > _MAX_WAITING_CHARACTERS or self._is_closed:
                self._dropped += 1
                return
            self._lines.append(line)
            self._waiting += len(line)
            if self._thread is None:
                # Only at the first line: a process that forks before it loses no thread.
                self._thread = threading.Thread(target=self._write, name="log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Write the lines that wait, for two seconds at most."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_LAST_LINES_S)
        super().close()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._is_closed:
                    self._changed.wait()
                if not self._lines:
                    return
                lines = "".join(self._lines)
                self._lines.clear()
            self._write_out(lines.encode("utf-8", "backslashreplace"))
            with self._changed:
                self._waiting -= len(lines)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._write_out(self._about_dropped(dropped))

    def _write_out(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            pass  # There is nowhere to report it.

    def _about_dropped(self, dropped: int) -> bytes:
        record = logging.LogRecord(
            __name__, logging.WARNING, __file__, 0, "%d log lines were dropped", (dropped,), None
        )
        return (self.format(record) + "\n").encode()
