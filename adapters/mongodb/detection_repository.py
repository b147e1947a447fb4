"""The history in MongoDB."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from adapters.moments import from_us, to_us
from adapters.mongodb.database import Database, MongoDatabase
from adapters.mongodb.documents import (
    Document,
    detection_from_document,
    detection_to_document,
    fold,
)
from adapters.mongodb.indexes import DETECTIONS
from adapters.records import PART_BYTES, UnreadableRecord, salvaged_detection
from domain.detection import Detection, HistoryFilter
from domain.emotion import Emotion

_NEWEST_FIRST = [("timestamp_us", DESCENDING), ("_id", DESCENDING)]
_FETCHED_FIRST = 10
_MAX_FETCHED = 20
_MAX_INTEGER = 2**63 - 1


log = logging.getLogger(__name__)


class MongoDetectionRepository:
    """Keeps one document per record. The cost of a page grows with the records it skips.

    A document that cannot be read is returned with the fields that are known, so that it does not
    hide the others and is erased with the history.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def add(self, detection: Detection) -> None:
        """Keep a record."""
        async with self._database.call() as database:
            with suppress(DuplicateKeyError):
                await database[DETECTIONS].insert_one(detection_to_document(detection))

    async def get(self, detection_id: UUID) -> Detection | None:
        """The record, or None."""
        async with self._database.call() as database:
            document = await _raw(database).find_one({"_id": detection_id})
            if document is None:
                return None
            (found,) = await _read_or_salvage_all(database, [document])
            return found

    async def count(self, user_id: str, wanted: HistoryFilter) -> int:
        """How many records of one user match."""
        query = _query(user_id, wanted)
        async with self._database.call() as database:
            return await database[DETECTIONS].count_documents(query)

    async def iterate(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int | None = None
    ) -> AsyncIterator[Sequence[Detection]]:
        """Matching records of one user, newest first; each part continues after the last."""
        cursor = _Cursor(_query(user_id, wanted), skip, limit)
        while not cursor.is_at_end:
            yield await cursor.next_part(self._database)

    async def update_storage(self, detection: Detection) -> bool:
        """Write ``image_url`` and ``storage`` of an existing record."""
        change = {"image_url": detection.image_url, "storage": detection.storage.value}
        async with self._database.call() as database:
            result = await database[DETECTIONS].update_one(
                {"_id": detection.detection_id}, {"$set": change}
            )
            return result.matched_count > 0

    async def delete(self, detection_id: UUID) -> bool:
        """Delete a record."""
        async with self._database.call() as database:
            result = await database[DETECTIONS].delete_one({"_id": detection_id})
            return result.deleted_count > 0

    async def wipe(self) -> None:
        """Does nothing: the server manages its own files."""

    async def check(self) -> None:
        """Ping the database."""
        await self._database.check()


class _Cursor:
    """A position among the records that match; it keeps none of them.

    Attributes:
        is_at_end: whether nothing follows.
    """

    def __init__(self, query: Document, skip: int, limit: int | None) -> None:
        self._query = self._rest = query
        self._skip = min(skip, _MAX_INTEGER)
        self._left = limit
        self._at_once = _FETCHED_FIRST
        self.is_at_end = limit == 0

    async def next_part(self, mongodb: MongoDatabase) -> list[Detection]:
        """As many records as fit into ``PART_BYTES``, or one that is larger."""
        asked = self._at_once if self._left is None else min(self._at_once, self._left)
        async with mongodb.call() as database:
            found = (
                await _raw(database)
                .find(self._rest, sort=_NEWEST_FIRST, skip=self._skip, limit=asked)
                .to_list(asked)
            )
            part = await _read_or_salvage_all(database, _first_part(found))
        if self._left is not None:
            self._left -= len(part)
        self.is_at_end = self._left == 0 or (len(found) < asked and len(part) == len(found))
        if part:
            self._rest, self._skip = {"$and": [self._query, _before(part[-1])]}, 0
            # So that little is fetched in vain.
            mean_bytes = sum(len(each.raw) for each in found) // len(found)
            self._at_once = min(max(PART_BYTES // mean_bytes, 1), _MAX_FETCHED)
        return part


def _first_part(documents: Sequence[RawBSONDocument]) -> Sequence[RawBSONDocument]:
    size = 0
    for count, document in enumerate(documents, start=1):
        size += len(document.raw)
        if size >= PART_BYTES:
            return documents[:count]
    return documents


def _raw(database: Database) -> AsyncIOMotorCollection[Any]:
    """The records as they arrive: the driver would hold the interpreter while it reads many."""
    options: CodecOptions[RawBSONDocument] = database.codec_options.with_options(
        document_class=RawBSONDocument
    )
    return database.get_collection(DETECTIONS, codec_options=options)


async def _read_or_salvage_all(
    database: Database, documents: Iterable[RawBSONDocument]
) -> list[Detection]:
    options = database.codec_options

    def read() -> list[Detection]:
        return [_read_or_salvage(bson.decode(each.raw, options)) for each in documents]

    # A record with many faces takes milliseconds.
    return await asyncio.to_thread(read)


def _read_or_salvage(document: Document) -> Detection:
    try:
        return detection_from_document(document)
    except UnreadableRecord as error:
        detection_id, moment_us = document["_id"], document.get("timestamp_us")
        if not isinstance(detection_id, UUID):
            raise  # Not even its id is known.
        log.warning("the record of detection %s cannot be read: %s", detection_id, error)
        moment = from_us(moment_us if isinstance(moment_us, int) else 0)
        return salvaged_detection(detection_id, document["user_id"], moment)


def _before(last: Detection) -> Document:
    """A query for what follows this record in the order of ``_NEWEST_FIRST``."""
    moment_us = to_us(last.timestamp)
    return {
        "$or": [
            {"timestamp_us": {"$lt": moment_us}},
            {"timestamp_us": moment_us, "_id": {"$lt": last.detection_id}},
        ]
    }


def _query(user_id: str, wanted: HistoryFilter) -> Document:
    conditions: list[Document] = [{"user_id": user_id}]
    if wanted.from_date is not None:
        conditions.append({"timestamp_us": {"$gte": to_us(wanted.from_date)}})
    if wanted.to_date is not None:
        conditions.append({"timestamp_us": {"$lte": to_us(wanted.to_date)}})
    if wanted.emotion is not None:
        conditions.append({"emotions": wanted.emotion.value})
    if wanted.keyword:
        conditions.append(_keyword(wanted.keyword))
    return {"$and": conditions}


def _keyword(keyword: str) -> Document:
    pattern = re.escape(fold(keyword)).replace("\0", r"\x00")
    in_name: dict[str, Any] = {"folded_filename": {"$regex": pattern}}
    word = keyword.casefold()
    if word in set(Emotion):
        return {"$or": [in_name, {"emotions": word}]}
    return in_name
