"""One SQLite file, kept off the event loop: a thread that writes and a few that read."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from adapters.records import UnreadableRecord
from adapters.sqlite.schema import NewerSchema, migrate
from application.errors import StoreUnavailable

_Result = TypeVar("_Result")
_Work = Callable[[sqlite3.Connection], _Result]

_READERS = 2
_BUSY_TIMEOUT_S = 5.0


class SqliteDatabase:
    """Runs functions as transactions.

    Writers go one after the other on a thread of their own; readers never wait for them (WAL).
    A commit survives a crash of the process at once; a power cut may cost the last moments
    (``synchronous = NORMAL``) and never the file.

    Args:
        path: of the database file, made with its folder on ``open``, readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._write_thread: ThreadPoolExecutor | None = None
        self._read_threads: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the file, making or migrating it where needed.

        Raises:
            StoreUnavailable: it cannot be opened, or a newer version of the service made it.
        """
        write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        try:
            await asyncio.get_running_loop().run_in_executor(write_thread, self._connect)
        except (sqlite3.Error, OSError) as error:
            write_thread.shutdown(wait=False)
            raise StoreUnavailable("the database cannot be opened") from error
        except NewerSchema as error:
            write_thread.shutdown(wait=False)
            raise StoreUnavailable(str(error)) from error
        self._write_thread = write_thread
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    async def close(self) -> None:
        """Finish what is in work and close the file. Closing twice is no error."""
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
        """Run a function on one unchanging state of the data.

        Raises:
            StoreUnavailable: SQLite failed.
        """
        return await self._run(self._read_threads, self._read, work)

    async def check(self) -> None:
        """Write nothing, but as a writer: shows that the file is there and can be locked.

        Raises:
            StoreUnavailable: it cannot.
        """
        await self.write(lambda connection: connection.execute("SELECT 1").fetchone())

    async def _run(
        self,
        threads: ThreadPoolExecutor | None,
        transaction: Callable[[_Work[_Result]], _Result],
        work: _Work[_Result],
    ) -> _Result:
        if threads is None:
            raise StoreUnavailable("the database is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, transaction, work)
        except (sqlite3.Error, UnreadableRecord) as error:
            raise StoreUnavailable("the database does not do its work") from error

    def _write(self, work: _Work[_Result]) -> _Result:
        assert self._writer is not None
        return _transact(self._writer, "BEGIN IMMEDIATE", work)

    def _read(self, work: _Work[_Result]) -> _Result:
        connection = self._readers.get()
        try:
            return _transact(connection, "BEGIN", work)
        finally:
            self._readers.put(connection)

    def _connect(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its side files (-wal, -shm) the mode of the database file.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._writer = self._new_connection()
            _use_wal(self._writer)
            migrate(self._writer)
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
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _disconnect(self) -> None:
        while not self._readers.empty():
            self._readers.get().close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Keep changes in a side file, so that readers and the writer do not wait for each other.

    SQLite does not wait by itself where two connections make this change at once.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _transact(connection: sqlite3.Connection, begin: str, work: _Work[_Result]) -> _Result:
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
