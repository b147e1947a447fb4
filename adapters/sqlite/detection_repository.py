"""The history in SQLite."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from adapters.moments import from_us, to_us
from adapters.records import (
    PART_BYTES,
    UnreadableRecord,
    from_json,
    from_record,
    salvaged_detection,
    to_json,
    to_record,
)
from adapters.sqlite.database import SqliteDatabase
from domain.detection import Detection, HistoryFilter
from domain.emotion import Emotion

# The record as bytes, because a damaged one may not be UTF-8.
_COLUMNS = "detection_id, user_id, timestamp_us, CAST(record AS BLOB)"
_NEWEST_FIRST = "ORDER BY timestamp_us DESC, detection_id DESC"
_ALL = -1
_MAX_INTEGER = 2**63 - 1

_Row = tuple[str, str, int, bytes]
"""A row of ``_COLUMNS``."""

log = logging.getLogger(__name__)


class SqliteDetectionRepository:
    """Keeps each record as JSON, with extra columns for searching.

    A record that cannot be read is returned with what its columns hold, so that it does not hide
    the others and is erased with the history.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, detection: Detection) -> None:
        """Keep a record."""

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    str(detection.detection_id),
                    detection.user_id,
                    to_us(detection.timestamp),
                    "".join(map(_marked, sorted(detection.emotions))),
                    _fold(detection.filename or ""),
                    _dump(detection),
                ),
            )

        await self._database.write(insert)

    async def get(self, detection_id: UUID) -> Detection | None:
        """The record, or None."""

        def select(connection: sqlite3.Connection) -> Detection | None:
            row = _fetch(connection, detection_id)
            return None if row is None else _load_or_salvage(row)

        return await self._database.read(select)

    async def count(self, user_id: str, wanted: HistoryFilter) -> int:
        """How many records of one user match."""
        where = _where(user_id, wanted)
        (total,) = await self._database.fetch(
            f"SELECT count(*) FROM detections WHERE {where.sql}", *where.values
        )
        return int(total)

    async def iterate(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int | None = None
    ) -> AsyncIterator[Sequence[Detection]]:
        """Matching records of one user, newest first; each part continues after the last."""
        cursor = _Cursor(_where(user_id, wanted), skip, limit)
        while not cursor.is_at_end:
            yield await self._database.read(cursor.next_part)

    async def update_storage(self, detection: Detection) -> bool:
        """Write ``image_url`` and ``storage`` of an existing record."""

        def update(connection: sqlite3.Connection) -> bool:
            row = _fetch(connection, detection.detection_id)
            if row is None:
                return False
            try:
                known = _load(row)
            except UnreadableRecord as error:
                # A record of a newer version is not overwritten.
                log.warning(
                    "the record of detection %s cannot be updated: %s",
                    detection.detection_id,
                    error,
                )
                return True
            stored = replace(known, image_url=detection.image_url, storage=detection.storage)
            connection.execute(
                "UPDATE detections SET record = ? WHERE detection_id = ?",
                (_dump(stored), str(detection.detection_id)),
            )
            return True

        return await self._database.write(update)

    async def delete(self, detection_id: UUID) -> bool:
        """Delete a record."""
        sql = "DELETE FROM detections WHERE detection_id = ?"
        return await self._database.execute(sql, str(detection_id)) > 0

    async def wipe(self) -> None:
        """Empty the write-ahead log, which still contains deleted records."""
        await self._database.wipe()

    async def check(self) -> None:
        """Check the database."""
        await self._database.check()


class _Where(NamedTuple):
    """A condition, and the values of its parameters."""

    sql: str
    values: tuple[object, ...]

    def and_after(self, last: _Row) -> _Where:
        """The condition for what follows this row in the order of ``_NEWEST_FIRST``."""
        detection_id, _, timestamp_us, _ = last
        return _Where(
            f"{self.sql} AND (timestamp_us, detection_id) < (?, ?)",
            (*self.values, timestamp_us, detection_id),
        )


class _Cursor:
    """A position among the records that match; it keeps none of them.

    Attributes:
        is_at_end: whether nothing follows.
    """

    def __init__(self, where: _Where, skip: int, limit: int | None) -> None:
        self._where = self._rest = where
        self._skip = min(skip, _MAX_INTEGER)
        self._left = _ALL if limit is None else limit
        self.is_at_end = self._left == 0

    def next_part(self, connection: sqlite3.Connection) -> list[Detection]:
        """As many records as fit into ``PART_BYTES``, or one that is larger."""
        part, size = list[Detection](), 0
        query = (
            f"SELECT {_COLUMNS} FROM detections WHERE {self._rest.sql} {_NEWEST_FIRST} "
            "LIMIT ? OFFSET ?"
        )
        # Rows are read one by one, so that none is read in vain.
        values = (*self._rest.values, self._left, self._skip)
        with closing(connection.execute(query, values)) as rows:
            for row in rows:
                part.append(_load_or_salvage(row))
                size += len(row[3])
                if size >= PART_BYTES:
                    self._continue_after(row, len(part))
                    return part
        self.is_at_end = True
        return part

    def _continue_after(self, row: _Row, count: int) -> None:
        self._rest, self._skip = self._where.and_after(row), 0
        if self._left != _ALL:
            self._left -= count
            self.is_at_end = self._left == 0


def _where(user_id: str, wanted: HistoryFilter) -> _Where:
    conditions, values = ["user_id = ?"], list[object]([user_id])
    if wanted.from_date is not None:
        conditions.append("timestamp_us >= ?")
        values.append(to_us(wanted.from_date))
    if wanted.to_date is not None:
        conditions.append("timestamp_us <= ?")
        values.append(to_us(wanted.to_date))
    if wanted.emotion is not None:
        conditions.append("instr(emotions, ?)")
        values.append(_marked(wanted.emotion))
    if wanted.keyword is not None:
        in_name = "instr(folded_filename, ?)"
        values.append(_fold(wanted.keyword))
        word = wanted.keyword.casefold()
        if word in set(Emotion):
            conditions.append(f"({in_name} OR instr(emotions, ?))")
            values.append(_marked(Emotion(word)))
        else:
            conditions.append(in_name)
    return _Where(" AND ".join(conditions), tuple(values))


def _marked(emotion: Emotion) -> str:
    """An emotion as written in the column, so that no word is found inside another."""
    return f"<{emotion}>"


def _fold(text: str) -> bytes:
    """Text for searching without regard to case, in every script.

    SQLite folds ASCII only, and its text takes no lone surrogates, which file names may hold.
    """
    return text.casefold().encode("utf-8", "surrogatepass")


def _fetch(connection: sqlite3.Connection, detection_id: UUID) -> _Row | None:
    row: _Row | None = connection.execute(
        f"SELECT {_COLUMNS} FROM detections WHERE detection_id = ?", (str(detection_id),)
    ).fetchone()
    return row


def _dump(detection: Detection) -> str:
    return to_json(to_record(detection))


def _load(row: _Row) -> Detection:
    return from_record(Detection, from_json(row[3]))


def _load_or_salvage(row: _Row) -> Detection:
    try:
        return _load(row)
    except UnreadableRecord as error:
        detection_id, user_id, timestamp_us, _ = row
        log.warning("the record of detection %s cannot be read: %s", detection_id, error)
        return salvaged_detection(UUID(detection_id), user_id, from_us(timestamp_us))
