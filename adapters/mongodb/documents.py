"""Records as MongoDB documents.

A document is the record of ``adapters.records`` under a native ``_id``, with native dates beside
it. MongoDB's dates have milliseconds only, so another field holds the exact time in microseconds;
the date is for people, for other tools, and for indexes that expire documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.int64 import Int64

from adapters.moments import from_us, from_us_or_none, to_us
from adapters.records import (
    UnreadableRecord,
    from_record,
    to_record,
)
from application.ports.refresh_token_repository import RefreshTokenRecord
from application.ports.usage_ledger import UsageCount
from domain.detection import Detection
from domain.user import User

Document = dict[str, Any]


def detection_to_document(detection: Detection) -> Document:
    """Write a detection, with extra fields for searching."""
    record = to_record(detection)
    del record["detection_id"]
    return {
        **record,
        "_id": detection.detection_id,
        **moment("timestamp", detection.timestamp),
        "filename": _storable(detection.filename),
        "folded_filename": fold(detection.filename or ""),
        "emotions": sorted(emotion.value for emotion in detection.emotions),
    }


def detection_from_document(document: Mapping[str, Any]) -> Detection:
    """Read what ``detection_to_document`` wrote.

    Raises:
        UnreadableRecord: a field is missing or does not fit, or the version is unknown.
    """
    try:
        filename = document["filename"]
        record = {
            **document,
            "detection_id": str(document["_id"]),
            "timestamp": from_us(document["timestamp_us"]).isoformat(),
            "filename": _text(filename) if isinstance(filename, bytes) else filename,
        }
    except (KeyError, TypeError) as error:
        raise UnreadableRecord("the document of a detection cannot be read") from error
    return from_record(Detection, record)


def user_to_document(user: User) -> Document:
    """Write a user."""
    record = to_record(user)
    del record["user_id"]
    return {**record, "_id": user.user_id}


def user_from_document(document: Mapping[str, Any]) -> User:
    """Read what ``user_to_document`` wrote.

    Raises:
        UnreadableRecord: a field is missing or does not fit, or the version is unknown.
    """
    return from_record(User, {**document, "user_id": document["_id"]})


def token_to_document(record: RefreshTokenRecord) -> Document:
    """Write a valid refresh token."""
    signed_in_at = record.signed_in_at
    return {
        "_id": record.digest,
        "user_id": record.user_id,
        "family_id": record.family_id,
        **moment("expires_at", record.expires_at),
        "signed_in_at_us": None if signed_in_at is None else Int64(to_us(signed_in_at)),
        "state": "standing",
    }


def token_from_document(document: Mapping[str, Any]) -> RefreshTokenRecord:
    """Read a refresh token, whatever its state."""
    return RefreshTokenRecord(
        digest=document["_id"],
        user_id=document["user_id"],
        family_id=document["family_id"],
        expires_at=from_us(document["expires_at_us"]),
        signed_in_at=from_us_or_none(document.get("signed_in_at_us")),
    )


def usage_from_document(document: Mapping[str, Any] | None) -> UsageCount:
    """Read a counter; None for an unused one."""
    if document is None:
        return UsageCount()
    return UsageCount(
        document["count"],
        from_us_or_none(document.get("window_ends_at_us")),
        from_us(document["last_used_us"]),
    )


def moment(name: str, value: datetime) -> Document:
    """A time, as a date and in microseconds."""
    return {name: value, f"{name}_us": Int64(to_us(value))}


def fold(text: str) -> str:
    """Text for searching without regard to case, in every script."""
    # BSON takes no lone surrogates, which file names may hold.
    return text.casefold().encode("utf-8", "backslashreplace").decode()


def _storable(filename: str | None) -> str | bytes | None:
    """A file name as text where BSON takes it, as bytes where it holds lone surrogates."""
    if filename is None:
        return None
    exact = filename.encode("utf-8", "surrogatepass")
    return filename if exact == filename.encode("utf-8", "replace") else exact


def _text(filename: bytes) -> str:
    return filename.decode("utf-8", "surrogatepass")
