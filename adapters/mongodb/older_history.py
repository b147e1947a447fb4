"""Records written by older services of this kind.

Their documents hold ``detection_id, user_id, timestamp, image_url, detection_results``, the last
with ``faces`` of a ``box`` and a list of ``emotions``.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import Document
from application.use_cases.import_history import UnreadableDetection
from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceQuality, FaceReading
from domain.geometry import BoundingBox

_MARKS = {"detection_id": {"$exists": True}, "detection_results": {"$exists": True}}
_FETCHED_AT_ONCE = 100
_NAMESPACE = UUID("5f0c9f53-6f0e-4f0a-8d7e-3a9f5a1c0b42")


async def older_history(
    source: MongoDatabase, *, collection: str | None = None
) -> AsyncIterator[Detection | UnreadableDetection]:
    """Every such record of a database, by collection and in the order of their ``_id``.

    Missing fields stay unknown: the file name is None, the image's size 0 by 0, and no crop was
    measured, so no face counts as reliable. Images stay where they are; only their addresses are
    copied.

    Args:
        source: is only read.
        collection: to read; None for each that holds such records.

    Raises:
        StoreUnavailable: it cannot be read.
    """
    for name in [collection] if collection else await _collections(source):
        last: object = None
        while True:
            page = await _page(source, name, last)
            for document in page:
                yield _detection(name, document)
            if len(page) < _FETCHED_AT_ONCE:
                break
            last = page[-1]["_id"]


async def _collections(source: MongoDatabase) -> list[str]:
    async with source.call() as database:
        names = await database.list_collection_names()
        return [name for name in sorted(names) if await database[name].find_one(_MARKS)]


async def _page(source: MongoDatabase, collection: str, last: object) -> list[Document]:
    query: Document = dict(_MARKS)
    if last is not None:
        # As an expression, because a plain comparison finds only ids of the same type.
        query["$expr"] = {"$gt": ["$_id", {"$literal": last}]}
    async with source.call() as database:
        cursor = database[collection].find(query, sort=[("_id", 1)], limit=_FETCHED_AT_ONCE)
        return await cursor.to_list(_FETCHED_AT_ONCE)


def _detection(collection: str, document: Mapping[str, Any]) -> Detection | UnreadableDetection:
    try:
        results = document["detection_results"]
        user_id = _text(document["user_id"])
        image_url = _text_or_none(document, "image_url") or None
        return Detection(
            detection_id=_detection_id(document["detection_id"], user_id),
            user_id=user_id,
            timestamp=_moment(document["timestamp"]),
            filename=_text_or_none(document, "filename"),
            faces=tuple(_face(face) for face in results.get("faces") or ()),
            processing_time_s=_seconds(results.get("processing_time") or 0.0),
            image_width=0,
            image_height=0,
            image_url=image_url,
            storage=StorageStatus.DONE if image_url else StorageStatus.FAILED,
        )
    except KeyError as error:
        reason = f"{error} is missing"
    except (TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        reason = str(error)
    return UnreadableDetection(f"{collection}/{document['_id']}", reason)


def _detection_id(value: object, user_id: str) -> UUID:
    """The id if it is a UUID; otherwise a UUID derived from the id and its user."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(_text(value))
    except ValueError:
        return uuid5(_NAMESPACE, json.dumps([user_id, str(value)]))


def _text(value: object) -> str:
    text = str(value) if value is not None else ""
    if not text:
        raise ValueError("an id is empty")
    return text


def _text_or_none(document: Mapping[str, Any], field: str) -> str | None:
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{field} is not text")
    return value


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError("processing_time is not a number of seconds")
    return seconds


def _moment(value: object) -> datetime:
    """A date, ISO 8601 text or seconds since 1970; UTC where no zone is given."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _face(face: Mapping[str, Any]) -> Face:
    box = _box(face["box"])
    weights = {
        Emotion(str(entry["emotion"]).lower()): float(entry["score"]) for entry in face["emotions"]
    }
    found = FaceDetection(box=box, confidence=float(face.get("detection_confidence") or 0.0))
    reading = FaceReading(
        scores=EmotionScores.from_weights(weights),
        quality=FaceQuality(sharpness=0.0, brightness=0.0, size_px=max(box.width, box.height)),
        reliable=False,
    )
    return Face(found, reading)


def _box(box: Any) -> BoundingBox:
    """``[x, y, width, height]``, or an object with these fields."""
    if isinstance(box, Mapping):
        box = [box["x"], box["y"], box.get("width", box.get("w")), box.get("height", box.get("h"))]
    x, y, width, height = (round(side) for side in box)
    return BoundingBox(x, y, width, height)
