"""Recorded videos in MongoDB, which several processes can analyse."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bson.int64 import Int64
from pymongo import ASCENDING, DESCENDING

from adapters.moments import to_us
from adapters.mongodb.database import Database, MongoDatabase
from adapters.mongodb.documents import Document
from adapters.mongodb.indexes import VIDEO_FRAMES, VIDEO_TURNS, VIDEOS
from adapters.records import account_key, from_json, from_record, to_json, to_record
from adapters.video_records import pack_frames, unpack_frames
from domain.video import AnalysedFrame, Video, VideoStatus

_NOT_DONE = {"$in": ["receiving", "queued", "running"]}
_CLAIMABLE = {"$in": ["receiving", "queued", "running", "cancelled"]}
_IN_ORDER = [("submitted_at_us", ASCENDING), ("_id", ASCENDING)]
_NEWEST_FIRST = [("submitted_at_us", DESCENDING), ("_id", DESCENDING)]


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
        async with self._database.call() as database:
            videos = database[VIDEOS]
            await videos.insert_one(
                {
                    "_id": video.video_id,
                    "user_id": video.user_id,
                    "submitted_at_us": Int64(to_us(video.submitted_at)),
                    **_fields(video, holder, until),
                }
            )
            # Counted afterwards, so that at least one of two simultaneous calls sees the other.
            unfinished = {"user_id": video.user_id, "status": _NOT_DONE}
            if await videos.count_documents(unfinished) <= limit:
                return True
            await videos.delete_one({"_id": video.video_id})
            return False

    async def get(self, video_id: UUID) -> Video | None:
        """The video, or None."""
        async with self._database.call() as database:
            document = await database[VIDEOS].find_one({"_id": video_id})
            return None if document is None else _load(document)

    async def newest(
        self, user_id: str, statuses: Collection[VideoStatus], *, limit: int
    ) -> Sequence[Video]:
        """The newest videos of a user in these states."""
        wanted = {"user_id": user_id, "status": {"$in": [each.value for each in statuses]}}
        async with self._database.call() as database:
            cursor = database[VIDEOS].find(wanted, sort=_NEWEST_FIRST, limit=limit)
            return [_load(document) async for document in cursor]

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        """Hold the next video that no process holds."""
        async with self._database.call() as database:
            while (document := await _next(database, now)) is not None:
                video = _load(document)
                if video.status in (VideoStatus.QUEUED, VideoStatus.RUNNING):
                    attempts = video.attempts + 1
                    video = replace(video, status=VideoStatus.RUNNING, attempts=attempts)
                change = _fields(video, holder, until)
                # First, as a failure between both would leave a video that nobody works on.
                await _note_turn(database, video.user_id, now)
                # Only if unchanged: another process may have claimed it meanwhile.
                as_seen = {name: document[name] for name in ("_id", "record", "held_until_us")}
                taken = await database[VIDEOS].update_one(as_seen, {"$set": change})
                if taken.matched_count:
                    return video
            return None

    async def end_turn(self, user_id: str, now: datetime) -> None:
        """Note that the work on a user's video has ended for now."""
        async with self._database.call() as database:
            await _note_turn(database, user_id, now)

    async def forget_turns(self, until: datetime) -> int:
        """Delete the notes of turns before a moment."""
        async with self._database.call() as database:
            noted = await database[VIDEO_TURNS].delete_many({"served_at_us": {"$lt": to_us(until)}})
            return noted.deleted_count

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        """Write a video that this holder holds, and add frames to it."""
        if await self._update(video, holder, until, frames):
            return True
        if frames and await self.get(video.video_id) is None:
            await self._delete_frames(video.video_id)  # It was erased in between.
        return False

    async def _update(
        self, video: Video, holder: str, until: datetime, frames: Sequence[AnalysedFrame]
    ) -> bool:
        async with self._database.call() as database:
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

    async def cancel(self, video_id: UUID) -> bool:
        """Cancel a video and end its lease."""
        async with self._database.call() as database:
            while (document := await database[VIDEOS].find_one({"_id": video_id})) is not None:
                video = _load(document)
                cancelled = replace(video, status=VideoStatus.CANCELLED, speed=None)
                change = {"$set": _fields(cancelled, "", video.submitted_at)}
                as_seen = {"_id": video_id, "record": document["record"]}
                if (await database[VIDEOS].update_one(as_seen, change)).matched_count:
                    return True
            return False

    async def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The frames of a video in order, each of them once."""
        first = wanted = 0
        while True:
            after = {"video_id": video_id, "first": {"$gte": first}}
            async with self._database.call() as database:
                document = await database[VIDEO_FRAMES].find_one(after, sort=[("first", ASCENDING)])
            if document is None:
                return
            first = document["first"] + 1
            # An interrupted run may have written frames that the next run wrote again.
            unpacked = await asyncio.to_thread(unpack_frames, document["frames"])
            frames = [frame for frame in unpacked if frame.number >= wanted]
            if frames:
                wanted = frames[-1].number + 1
                yield frames

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        """Whether a queued video of another user waits."""
        async with self._database.call() as database:
            waiting = {
                "status": "queued",
                "held_until_us": {"$lte": to_us(now)},
                "user_id": {"$ne": user_id},
            }
            return await database[VIDEOS].find_one(waiting, {"_id": True}) is not None

    async def end_runs(self, instance_id: str) -> None:
        """End the leases of earlier runs of an instance."""
        async with self._database.call() as database:
            await database[VIDEOS].update_many(
                {"holder": {"$regex": f"^{re.escape(instance_id)}/"}},
                {"$set": {"holder": "", "held_until_us": Int64(0)}},
            )

    async def delete(self, video_id: UUID) -> bool:
        """Delete a video and its frames."""
        await self._delete_frames(video_id)
        async with self._database.call() as database:
            deleted = await database[VIDEOS].delete_one({"_id": video_id})
        # A process that held it may have added some before the record was deleted.
        await self._delete_frames(video_id)
        return deleted.deleted_count > 0

    async def _delete_frames(self, video_id: UUID) -> None:
        async with self._database.call() as database:
            await database[VIDEO_FRAMES].delete_many({"video_id": video_id})


async def _next(database: Database, now: datetime) -> Document | None:
    """The next video: of the user whose last turn is the longest ago; then the oldest."""
    waiting = {"status": _CLAIMABLE, "held_until_us": {"$lte": to_us(now)}}
    found = database[VIDEOS].find(waiting, {"user_id": True}, sort=_IN_ORDER)
    # The oldest video of each user; a dictionary keeps the order in which keys come first.
    oldest: dict[str, Document] = {}
    async for each in found:
        oldest.setdefault(account_key(each["user_id"]), each)
    served: dict[str, int] = {}
    async for each in database[VIDEO_TURNS].find({"_id": {"$in": list(oldest)}}):
        served[each["_id"]] = each["served_at_us"]
    while oldest:
        first = oldest.pop(min(oldest, key=lambda account: served.get(account, 0)))
        document: Document | None = await database[VIDEOS].find_one(
            {"_id": first["_id"], **waiting}
        )
        if document is not None:  # otherwise another process was faster
            return document
    return None


async def _note_turn(database: Database, user_id: str, now: datetime) -> None:
    noted = {"$set": {"served_at_us": Int64(to_us(now))}}
    await database[VIDEO_TURNS].update_one({"_id": account_key(user_id)}, noted, upsert=True)


def _fields(video: Video, holder: str, until: datetime) -> Document:
    return {
        "status": video.status.value,
        "holder": holder,
        "held_until_us": Int64(to_us(until)),
        "record": to_json(to_record(video)),
    }


def _load(document: Document) -> Video:
    return from_record(Video, from_json(document["record"]))
