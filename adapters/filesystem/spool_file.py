"""The file format of a spool entry: one line of JSON, then the image, if any."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from adapters.records import (
    Record,
    UnreadableRecord,
    from_json,
    from_record,
    to_json,
    to_record,
)
from application.ports.detection_spool import SpooledDetection
from application.ports.image_store import StoredImage
from domain.detection import Detection

# A line with hundreds of faces takes about half a megabyte; without a bound, a damaged file without
# a line end would be read as a whole.
_MAX_LINE_BYTES = 16 * 2**20


def encode(entry: SpooledDetection) -> bytes:
    """The bytes of a file that holds the entry."""
    data = entry.image.data if entry.image else b""
    head: Record = {
        "detection": to_record(entry.detection),
        "media_type": entry.image.media_type if entry.image else None,
        "image_size": len(data),
    }
    return to_json(head).encode("ascii") + b"\n" + data


def owner_of(path: Path) -> str:
    """The owner of an entry, from its first line.

    Raises:
        UnreadableRecord: it is damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        detection, _, _ = _read_first_line(file)
    return detection.user_id


def read(path: Path) -> SpooledDetection:
    """Read the whole entry; raises as ``owner_of`` does, and where the end is missing."""
    with path.open("rb") as file:
        detection, media_type, image_size = _read_first_line(file)
        data = file.read()
    if len(data) != image_size:
        raise UnreadableRecord("a spooled detection is cut short")
    image = None if media_type is None else StoredImage(data, media_type)
    return SpooledDetection(detection, image)


def _read_first_line(file: BinaryIO) -> tuple[Detection, str | None, int]:
    """The record, the image's media type if there is one, and its size in bytes."""
    head = from_json(file.readline(_MAX_LINE_BYTES))
    try:
        return from_record(Detection, head["detection"]), head["media_type"], head["image_size"]
    except (KeyError, TypeError) as error:
        raise UnreadableRecord("the first line of a spooled detection is damaged") from error
