"""Recorded videos in MongoDB, which several processes can analyse."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bson.int64 import Int64
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, ReturnDocument

from adapters.moments import to_us
from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import Document
from adapters.mongodb.indexes import VIDEO_FRAMES, VIDEOS
from adapters.records import from_json, to_json
from adapters.video_records import (
    pack_frames,
    unpack_frames,
    video_from_record,
    video_to_record,
)
from domain.video import AnalysedFrame, Video, VideoStatus

_Database = AsyncIOMotorDatabase[Document]

_NOT_DONE = {"$in": ["receiving", "queued", "running"]}
_CLAIMABLE = {"$in": ["receiving", "queued", "running", "cancelled"]}
_IN_ORDER = [("submitted_at_us", ASCENDING), ("_id", ASCENDING)]


class MongoVideoRepository:
    """Keeps one document per video, with its record as JSON text, and packed frames in other
    documents.

    No transaction is needed: frames are written after a check that the video is held, and may be
    written twice.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def add(self, video: Video, *, holder: str, until: datetime, limit: int) -> bool:
        """Keep a new video, held."""

        async def insert(database: _Database) -> bool:
            videos = database[VIDEOS]
            await videos.insert_one(
                {
                    "_id": video.video_id,
                    "user_id": video.user_id,
                    "submitted_at_us": Int64(to_us(video.submitted_at)),
                    "served_at_us": Int64(0),
                    **_fields(video, holder, until),
                }
            )
            # Counted afterwards, so that at least one of two simultaneous calls sees the other.
            unfinished = {"user_id": video.user_id, "status": _NOT_DONE}
            if await videos.count_documents(unfinished) <= limit:
                return True
            await videos.delete_one({"_id": video.video_id})
            return False

        return await self._database.run(insert)

    async def get(self, video_id: UUID) -> Video | None:
        """The video, or None."""

        async def fetch(database: _Database) -> Video | None:
            document = await database[VIDEOS].find_one({"_id": video_id})
            return None if document is None else _load(document)

        return await self._database.run(fetch)

    async def of_user(self, user_id: str) -> Sequence[Video]:
        """All videos of a user."""

        async def find(database: _Database) -> list[Video]:
            cursor = database[VIDEOS].find({"user_id": user_id}, sort=_IN_ORDER)
            return [_load(document) async for document in cursor]

        return await self._database.run(find)

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        """Hold the next video that no process holds."""

        async def take(database: _Database) -> Video | None:
            while (document := await _next(database, now)) is not None:
                video = _load(document)
                if video.status in (VideoStatus.QUEUED, VideoStatus.RUNNING):
                    attempts = video.attempts + 1
                    video = replace(video, status=VideoStatus.RUNNING, attempts=attempts)
                change = {**_fields(video, holder, until), "served_at_us": Int64(to_us(now))}
                # Only if unchanged: another process may have claimed it meanwhile.
                as_seen = {name: document[name] for name in ("_id", "record", "held_until_us")}
                taken = await database[VIDEOS].update_one(as_seen, {"$set": change})
                if taken.matched_count:
                    return video
            return None

        return await self._database.run(take)

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        """Write a video that this holder holds, and add frames to it."""

        async def update(database: _Database) -> bool:
            held = {"_id": video.video_id, "holder": holder, "status": _NOT_DONE}
            if frames:
                if await database[VIDEOS].find_one(held, {"_id": True}) is None:
                    return False
                first = frames[0].number
                key = {"_id": {"video_id": video.video_id, "first": first}}
                packed = {"video_id": video.video_id, "first": first, "frames": pack_frames(frames)}
                await database[VIDEO_FRAMES].update_one(key, {"$set": packed}, upsert=True)
            # Last, so that a video that is done has all its frames.
            change = {"$set": _fields(video, holder, until)}
            return (await database[VIDEOS].update_one(held, change)).matched_count > 0

        if not await self._database.run(update):
            if frames and await self.get(video.video_id) is None:
                await self._delete_frames(video.video_id)  # It was erased in between.
            return False
        return True

    async def cancel(self, video_id: UUID) -> bool:
        """Cancel a video and end its lease."""

        async def cancel(database: _Database) -> bool:
            while (document := await database[VIDEOS].find_one({"_id": video_id})) is not None:
                video = _load(document)
                cancelled = replace(video, status=VideoStatus.CANCELLED, speed=None)
                change = {"$set": _fields(cancelled, "", video.submitted_at)}
                as_seen = {"_id": video_id, "record": document["record"]}
                done = await database[VIDEOS].find_one_and_update(
                    as_seen, change, return_document=ReturnDocument.AFTER
                )
                if done is not None:
                    return True
            return False

        return await self._database.run(cancel)

    async def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The frames of a video in order, each of them once."""
        first = wanted = 0

        async def fetch(database: _Database) -> Document | None:
            after = {"video_id": video_id, "first": {"$gte": first}}
            found: Document | None = await database[VIDEO_FRAMES].find_one(
                after, sort=[("first", ASCENDING)]
            )
            return found

        while (document := await self._database.run(fetch)) is not None:
            first = document["first"] + 1
            # An interrupted run may have written frames that the next run wrote again.
            unpacked = await asyncio.to_thread(unpack_frames, document["frames"])
            frames = [frame for frame in unpacked if frame.number >= wanted]
            if frames:
                wanted = frames[-1].number + 1
                yield frames

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        """Whether a queued video of another user waits."""

        async def find(database: _Database) -> bool:
            waiting = {
                "status": "queued",
                "held_until_us": {"$lte": to_us(now)},
                "user_id": {"$ne": user_id},
            }
            return await database[VIDEOS].find_one(waiting, {"_id": True}) is not None

        return await self._database.run(find)

    async def end_runs(self, instance_id: str) -> None:
        """End the leases of earlier runs of an instance."""

        async def release(database: _Database) -> None:
            await database[VIDEOS].update_many(
                {"holder": {"$regex": f"^{re.escape(instance_id)}/"}},
                {"$set": {"holder": "", "held_until_us": Int64(0)}},
            )

        await self._database.run(release)

    async def delete(self, video_id: UUID) -> bool:
        """Delete a video and its frames."""
        await self._delete_frames(video_id)

        async def delete(database: _Database) -> bool:
            return (await database[VIDEOS].delete_one({"_id": video_id})).deleted_count > 0

        was_there = await self._database.run(delete)
        # A process that held it may have added some before the record was deleted.
        await self._delete_frames(video_id)
        return was_there

    async def _delete_frames(self, video_id: UUID) -> None:
        async def delete(database: _Database) -> None:
            await database[VIDEO_FRAMES].delete_many({"video_id": video_id})

        await self._database.run(delete)


async def _next(database: _Database, now: datetime) -> Document | None:
    """The next video: of the user who was served longest ago or never; then the oldest."""
    waiting = {"status": _CLAIMABLE, "held_until_us": {"$lte": to_us(now)}}
    documents = [each async for each in database[VIDEOS].find(waiting, sort=_IN_ORDER)]
    if not documents:
        return None
    served: dict[str, int] = {}
    users = list({each["user_id"] for each in documents})
    wanted = {"user_id": {"$in": users}}
    async for each in database[VIDEOS].find(wanted, {"user_id": True, "served_at_us": True}):
        served[each["user_id"]] = max(served.get(each["user_id"], 0), each["served_at_us"])
    found: Document = min(documents, key=lambda each: served.get(each["user_id"], 0))
    return found


def _fields(video: Video, holder: str, until: datetime) -> Document:
    return {
        "status": video.status.value,
        "holder": holder,
        "held_until_us": Int64(to_us(until)),
        "record": to_json(video_to_record(video)),
    }


def _load(document: Document) -> Video:
    return video_from_record(from_json(document["record"]))
