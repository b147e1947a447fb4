"""How an entry of the spool looks on disk: one line of JSON, then the image as it came."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.records import (
    Record,
    UnreadableRecord,
    detection_from_record,
    detection_to_record,
    from_json,
    to_json,
)
from application.ports.detection_spool import SpooledDetection
from application.ports.image_store import StoredImage
from domain.detection import Detection

# A line of a whole crowd is about half a megabyte; without a bound a damaged file without a line
# end would be read as a whole.
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpoolHeader:
    """What stands in the first line.

    Attributes:
        detection: what was found.
        media_type: of the image.
        image_size: of the image in bytes; fewer mean that the end is lost.
    """

    detection: Detection
    media_type: str
    image_size: int


def encode(entry: SpooledDetection) -> bytes:
    """The bytes of a file that holds the entry."""
    head: Record = {
        "detection": detection_to_record(entry.detection),
        "media_type": entry.image.media_type,
        "image_size": len(entry.image.data),
    }
    return to_json(head).encode("ascii") + b"\n" + entry.image.data


def read_header(path: Path) -> SpoolHeader:
    """Read the first line.

    Raises:
        UnreadableRecord: it is damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _header(file)


def read(path: Path) -> SpooledDetection:
    """Read the whole entry; raises as ``read_header`` does, and where the end is missing."""
    with path.open("rb") as file:
        header = _header(file)
        data = file.read()
    if len(data) != header.image_size:
        raise UnreadableRecord("a spooled detection is cut short")
    return SpooledDetection(header.detection, StoredImage(data, header.media_type))


def _header(file: BinaryIO) -> SpoolHeader:
    head = from_json(file.readline(_LONGEST_LINE))
    try:
        return SpoolHeader(
            detection_from_record(head["detection"]), head["media_type"], head["image_size"]
        )
    except (KeyError, TypeError) as error:
        raise UnreadableRecord("a spooled detection has a damaged head") from error
