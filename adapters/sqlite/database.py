"""One SQLite file, used off the event loop: one thread writes and a few read."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from adapters.records import UnreadableRecord
from adapters.sqlite.schema import migrate
from application.errors import StoreUnavailable

_Result = TypeVar("_Result")
_Work = Callable[[sqlite3.Connection], _Result]

_READERS = 2
_BUSY_TIMEOUT_S = 5.0
_CHECK_VALID_S = 1.0
_QUICK_CHECK_S = 0.05
_CAUSES = {
    sqlite3.SQLITE_FULL: ": its disk is full",
    sqlite3.SQLITE_BUSY: ": another process has locked it",
    sqlite3.SQLITE_READONLY: ": it cannot be written to",
    sqlite3.SQLITE_CORRUPT: ": its file is damaged",
    sqlite3.SQLITE_NOTADB: ": its file is damaged",
}
"""By the primary code of SQLite: what an operator can do something about."""

log = logging.getLogger(__name__)


class SqliteDatabase:
    """Runs functions as transactions.

    Writes run one after the other on a thread of their own; readers never wait for them (WAL). A
    commit survives a crash of the process at once; a power cut may cost the last moments
    (``synchronous = NORMAL``) and never the file. What is deleted is overwritten with zeros; it
    stays in the write-ahead log until the next ``wipe``.

    Args:
        path: of the database file; ``open`` creates it with its folder, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._write_thread: ThreadPoolExecutor | None = None
        self._read_threads: ThreadPoolExecutor | None = None
        self._checking: asyncio.Task[None] | None = None
        self._checked_at_s = -math.inf

    async def open(self) -> None:
        """Open the file, and create or migrate it if needed.

        Raises:
            StoreUnavailable: it cannot be opened, or a newer version of the service made it.
        """
        write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        try:
            await asyncio.get_running_loop().run_in_executor(write_thread, self._connect)
        except (sqlite3.Error, OSError, StoreUnavailable) as error:
            write_thread.shutdown(wait=False)
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(f"{self._path} cannot be opened{_cause(error)}") from error
        self._write_thread = write_thread
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    async def close(self) -> None:
        """Finish the running work and close the file. Closing twice is not an error."""
        self._checked_at_s = -math.inf
        threads = [t for t in (self._read_threads, self._write_thread) if t is not None]
        self._read_threads = self._write_thread = None
        for pool in threads:
            await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(self._disconnect)

    async def write(self, work: _Work[_Result]) -> _Result:
        """Run a function as one transaction that may change things.

        Raises:
            StoreUnavailable: SQLite failed; nothing was changed.
        """
        return await self._run(self._write_thread, self._write, work)

    async def read(self, work: _Work[_Result]) -> _Result:
        """Run a function on one consistent state of the data.

        Raises:
            StoreUnavailable: SQLite failed.
        """
        return await self._run(self._read_threads, self._read, work)

    async def execute(self, sql: str, *values: object) -> int:
        """Run one statement, and return how many rows it changed; see ``write``."""
        return await self.write(lambda connection: connection.execute(sql, values).rowcount)

    async def fetch(self, sql: str, *values: object) -> Any:
        """The first row of a query, or None; see ``read``."""
        return await self.read(lambda connection: connection.execute(sql, values).fetchone())

    async def wipe(self) -> None:
        """Remove what was deleted from the write-ahead log.

        Raises:
            StoreUnavailable: SQLite failed, or a reader is in the way for too long.
        """
        if not await self._run(self._write_thread, self._locked, _truncate_log):
            raise StoreUnavailable("the database is being read and cannot be wiped now")

    async def check(self) -> None:
        """Check that the file can be written to and read.

        Simultaneous callers share one check, and a successful check is reused for a second.

        Raises:
            StoreUnavailable: the file cannot be written to, or is damaged.
        """
        if time.monotonic() - self._checked_at_s < _CHECK_VALID_S:
            return
        if self._checking is None:
            self._checking = asyncio.create_task(self._check())
            self._checking.add_done_callback(self._end_check)
        await asyncio.shield(self._checking)

    async def _check(self) -> None:
        # Writing the same value again needs a page in the log, which fails on a full disk.
        await self.write(_write_version_again)
        await self._run(self._read_threads, self._read_afresh, _check_for_damage)
        self._checked_at_s = time.monotonic()

    def _end_check(self, check: asyncio.Task[None]) -> None:
        self._checking = None
        if not check.cancelled():
            check.exception()  # The callers may have stopped waiting.

    async def _run(
        self,
        threads: ThreadPoolExecutor | None,
        transaction: Callable[[_Work[_Result], float], _Result],
        work: _Work[_Result],
    ) -> _Result:
        if threads is None:
            raise StoreUnavailable("the database is closed")
        deadline_s = time.monotonic() + _BUSY_TIMEOUT_S
        try:
            return await asyncio.get_running_loop().run_in_executor(
                threads, transaction, work, deadline_s
            )
        except (sqlite3.Error, UnreadableRecord) as error:
            raise StoreUnavailable(f"the database does not work{_cause(error)}") from error

    def _write(self, work: _Work[_Result], deadline_s: float) -> _Result:
        return self._locked(lambda writer: _transact(writer, "BEGIN IMMEDIATE", work), deadline_s)

    def _locked(self, work: _Work[_Result], deadline_s: float) -> _Result:
        """Use the writing connection; waits for a lock of another process until the deadline.

        Time in the queue counts, or every call would wait for all those before it.
        """
        assert self._writer is not None
        left_ms = max(round(1000 * (deadline_s - time.monotonic())), 0)
        self._writer.execute(f"PRAGMA busy_timeout = {left_ms}")
        return work(self._writer)

    def _read(self, work: _Work[_Result], deadline_s: float) -> _Result:
        connection = self._readers.get()
        try:
            return _transact(connection, "BEGIN", work)
        finally:
            self._readers.put(connection)

    def _read_afresh(self, work: _Work[_Result], deadline_s: float) -> _Result:
        # An open connection has pages in memory, and would not notice that the file is gone.
        with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True)) as own:
            return work(own)

    def _connect(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its side files (-wal, -shm) the mode of the database file.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._writer = self._new_connection()
            _use_wal(self._writer)
            overwrites_deleted = migrate(self._writer)
            if not overwrites_deleted:
                _tidy_up(self._writer)
            _truncate_log(self._writer)
            for _ in range(_READERS):
                self._readers.put(self._new_connection())
        except BaseException:
            self._disconnect()
            raise

    def _new_connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        while not self._readers.empty():
            self._readers.get().close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _cause(error: Exception) -> str:
    if isinstance(error, OSError):
        return f": {error.strerror}"
    # Of an unreadable record there is no code.
    return _CAUSES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log, so that readers and the writer do not wait for each other.

    SQLite does not wait if two connections make this change at once.
    """
    deadline_s = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)


def _truncate_log(connection: sqlite3.Connection) -> bool:
    """Move the log into the file and empty it; False if a reader was in the way."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _tidy_up(connection: sqlite3.Connection) -> None:
    """Rewrite the file once: earlier versions did not overwrite what they deleted."""
    try:
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        log.warning("data deleted by an earlier version stays in the database file: %s", error)


def _write_version_again(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")


def _check_for_damage(connection: sqlite3.Connection) -> None:
    """Read from every table, and check as much of the file as a moment allows."""
    connection.execute("BEGIN")
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    if not tables:
        raise sqlite3.DatabaseError("there are no tables")
    for (table,) in tables:
        connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()
    ends_at_s = time.monotonic() + _QUICK_CHECK_S
    connection.set_progress_handler(lambda: time.monotonic() > ends_at_s, 1000)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return
        raise
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _transact(connection: sqlite3.Connection, begin: str, work: _Work[_Result]) -> _Result:
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, such as a full disk, SQLite has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
