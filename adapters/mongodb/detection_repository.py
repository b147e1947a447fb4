"""The history in MongoDB."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from adapters.moments import from_us, to_us
from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import (
    Document,
    detection_from_document,
    detection_to_document,
    folded,
)
from adapters.mongodb.indexes import DETECTIONS
from adapters.records import UnreadableRecord, salvaged_detection
from application.ports.detection_repository import HistoryPage
from domain.detection import Detection, HistoryFilter
from domain.emotion import Emotion

_NEWEST_FIRST = [("timestamp_us", DESCENDING), ("_id", DESCENDING)]
_FETCHED_AT_ONCE = 100

_Database = AsyncIOMotorDatabase[Document]

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

        async def insert(database: _Database) -> None:
            try:
                await database[DETECTIONS].insert_one(detection_to_document(detection))
            except DuplicateKeyError:
                return

        await self._database.run(insert)

    async def get(self, detection_id: UUID) -> Detection | None:
        """The record, or None."""

        async def fetch(database: _Database) -> Detection | None:
            document = await database[DETECTIONS].find_one({"_id": detection_id})
            return None if document is None else _read_or_salvage(document)

        return await self._database.run(fetch)

    async def find(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int = 10
    ) -> HistoryPage:
        """A page of one user's records, newest first."""
        query = _query(user_id, wanted)

        async def find(database: _Database) -> HistoryPage:
            total = await database[DETECTIONS].count_documents(query)
            if skip >= total:
                return HistoryPage([], total)
            return HistoryPage(await _fetch(database, query, skip, limit), total)

        return await self._database.run(find)

    async def iterate(self, user_id: str, wanted: HistoryFilter) -> AsyncIterator[Detection]:
        """All matching records of one user, newest first; each fetch continues after the last."""
        query = _query(user_id, wanted)
        after = query
        while True:

            async def fetch(database: _Database, after: Document = after) -> list[Detection]:
                return await _fetch(database, after, 0, _FETCHED_AT_ONCE)

            page = await self._database.run(fetch)
            for detection in page:
                yield detection
            if len(page) < _FETCHED_AT_ONCE:
                return
            after = {"$and": [query, _before(page[-1])]}

    async def update_storage(self, detection: Detection) -> bool:
        """Write ``image_url`` and ``storage`` of an existing record."""
        change = {"image_url": detection.image_url, "storage": detection.storage.value}

        async def update(database: _Database) -> bool:
            result = await database[DETECTIONS].update_one(
                {"_id": detection.detection_id}, {"$set": change}
            )
            return result.matched_count > 0

        return await self._database.run(update)

    async def delete(self, detection_id: UUID) -> bool:
        """Delete a record."""

        async def delete(database: _Database) -> bool:
            result = await database[DETECTIONS].delete_one({"_id": detection_id})
            return result.deleted_count > 0

        return await self._database.run(delete)

    async def wipe(self) -> None:
        """Does nothing: the server manages its own files."""

    async def check(self) -> None:
        """Ping the database."""
        await self._database.check()


async def _fetch(database: _Database, query: Document, skip: int, limit: int) -> list[Detection]:
    cursor = database[DETECTIONS].find(query, sort=_NEWEST_FIRST, skip=skip, limit=limit)
    return [_read_or_salvage(document) async for document in cursor]


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
    pattern = re.escape(folded(keyword)).replace("\0", r"\x00")
    in_name: dict[str, Any] = {"folded_filename": {"$regex": pattern}}
    word = keyword.casefold()
    if word in set(Emotion):
        return {"$or": [in_name, {"emotions": word}]}
    return in_name
