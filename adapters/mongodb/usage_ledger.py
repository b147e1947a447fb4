"""Usage counters in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bson.int64 import Int64
from pymongo.errors import DuplicateKeyError

from adapters.moments import to_us
from adapters.mongodb.database import Database, MongoDatabase
from adapters.mongodb.documents import Document, moment, usage_from_document
from adapters.mongodb.indexes import USAGE
from application.ports.usage_ledger import UsageCount


class MongoUsageLedger:
    """Keeps one counter per subject; the server deletes those whose window is over.

    Each subject is counted by a separate atomic update that cannot pass its limit. If a later
    subject is used up, the earlier ones are taken back, so for a moment a count may be one too high
    but never too low.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def consume(
        self, limits: Mapping[str, int | None], at: datetime, window_s: int | None
    ) -> str | None:
        """Count one use for every subject, or for none."""
        async with self._database.call() as database:
            counted: list[str] = []
            for subject, limit in limits.items():
                if not await _count(database, subject, limit, at, window_s):
                    await _refund(database, counted)
                    return subject
                counted.append(subject)
            return None

    async def refund(self, subjects: Sequence[str]) -> None:
        """Take one use back from every subject."""
        async with self._database.call() as database:
            await _refund(database, subjects)

    async def forget(self, subject: str) -> None:
        """Delete the counter of a subject."""
        async with self._database.call() as database:
            await database[USAGE].delete_one({"_id": subject})

    async def delete_expired(self, now: datetime) -> int:
        """Delete the counters whose window is over; the server does so too."""
        async with self._database.call() as database:
            over = {"window_ends_at_us": {"$lte": to_us(now)}}
            return (await database[USAGE].delete_many(over)).deleted_count

    async def read(self, subject: str, at: datetime) -> UsageCount:
        """The counter of a subject."""
        async with self._database.call() as database:
            known = usage_from_document(await database[USAGE].find_one({"_id": subject}))
        return UsageCount() if known.is_over(at) else known


async def _count(
    database: Database, subject: str, limit: int | None, at: datetime, window_s: int | None
) -> bool:
    """Count one use of one subject; False, having counted nothing, where the limit is reached."""
    if limit is not None and limit < 1:
        return False
    used = {"last_used_us": Int64(to_us(at))}
    fresh = {"count": 1, **used}
    if window_s is not None:
        fresh |= moment("window_ends_at", at + timedelta(seconds=window_s))
    in_window: Document = {"_id": subject, "window_ends_at_us": {"$not": {"$lte": to_us(at)}}}
    if limit is not None:
        in_window["count"] = {"$lt": limit}
    over: Document = {"_id": subject, "window_ends_at_us": {"$lte": to_us(at)}}
    usage = database[USAGE]
    # If another caller has started the window first, the second round counts in it.
    for _ in range(2):
        more = await usage.update_one(in_window, {"$inc": {"count": 1}, "$set": used})
        if more.matched_count:
            return True
        renewed = await usage.replace_one(over, fresh)
        if renewed.matched_count:
            return True
        try:
            await usage.insert_one({"_id": subject, **fresh})
        except DuplicateKeyError:
            continue
        return True
    return False


async def _refund(database: Database, subjects: Sequence[str]) -> None:
    await database[USAGE].update_many(
        {"_id": {"$in": list(subjects)}, "count": {"$gt": 0}}, {"$inc": {"count": -1}}
    )
