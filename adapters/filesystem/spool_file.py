"""The file format of a spool entry: one line of JSON, then the image, if any."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class SpoolHeader:
    """The contents of the first line.

    Attributes:
        detection: what was found.
        media_type: of the image; None if there is none.
        image_size: of the image in bytes; if the file has fewer, its end is lost.
    """

    detection: Detection
    media_type: str | None
    image_size: int


def encode(entry: SpooledDetection) -> bytes:
    """The bytes of a file that holds the entry."""
    data = entry.image.data if entry.image else b""
    head: Record = {
        "detection": to_record(entry.detection),
        "media_type": entry.image.media_type if entry.image else None,
        "image_size": len(data),
    }
    return to_json(head).encode("ascii") + b"\n" + data


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
    image = None if header.media_type is None else StoredImage(data, header.media_type)
    return SpooledDetection(header.detection, image)


def _header(file: BinaryIO) -> SpoolHeader:
    head = from_json(file.readline(_MAX_LINE_BYTES))
    try:
        return SpoolHeader(
            from_record(Detection, head["detection"]), head["media_type"], head["image_size"]
        )
    except (KeyError, TypeError) as error:
        raise UnreadableRecord("the first line of a spooled detection is damaged") from error
