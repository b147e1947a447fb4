"""Records as JSON or CSV."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from litestar.serialization import encode_json

from application.ports.image_store import ImageStore
from domain.detection import Detection
from domain.emotion import Emotion
from domain.face import Face
from entrypoints.http.media_urls import MediaUrls
from entrypoints.wire import detections


def _score(emotion: Emotion, _: int, face: Face) -> float:
    return face.reading.scores[emotion]


# The columns of the CSV file, by name, with what stands in them.
_RECORD_COLUMNS: Mapping[str, Callable[[Detection, MediaUrls], object]] = {
    "detection_id": lambda record, _: record.detection_id,
    "timestamp": lambda record, _: record.timestamp.isoformat(),
    "filename": lambda record, _: record.filename,
    "image_url": lambda record, urls: urls.of_image(record),
    "image_width": lambda record, _: record.image_width,
    "image_height": lambda record, _: record.image_height,
    "processing_time": lambda record, _: record.processing_time_s,
}
_FACE_COLUMNS: Mapping[str, Callable[[int, Face], object]] = {
    "face": lambda number, _: number,
    "x": lambda _, face: face.detection.box.x,
    "y": lambda _, face: face.detection.box.y,
    "width": lambda _, face: face.detection.box.width,
    "height": lambda _, face: face.detection.box.height,
    "dominant_emotion": lambda _, face: face.dominant_emotion.value,
    **{emotion.value: partial(_score, emotion) for emotion in Emotion},
    "detection_confidence": lambda _, face: face.detection.confidence,
    "sharpness": lambda _, face: face.reading.quality.sharpness,
    "brightness": lambda _, face: face.reading.quality.brightness,
    "size_px": lambda _, face: face.reading.quality.size_px,
    "reliable": lambda _, face: str(face.reading.reliable).lower(),
}
_COLUMNS = (*_RECORD_COLUMNS, *_FACE_COLUMNS, "kind")
SEPARATOR_IN_FILES = b",\n"
"""Between the elements of a JSON array that is downloaded as a file."""

# What spreadsheets read as the start of a formula, in full-width forms too: at the start of a cell,
# and after characters that separate cells in locales with a decimal comma, where spreadsheets
# ignore the quotes.
_FORMULA = re.compile(r"(^|[;\t\r\n])([\s\"']*)(?=[=+\-@＝＋－＠])")


def json_elements(
    records: Sequence[Detection],
    urls: MediaUrls,
    images: ImageStore | None = None,
    *,
    separator: bytes = b",",
) -> bytes:
    """Records as elements of a JSON array."""
    return separator.join(
        encode_json(detections.present(record, urls.of_image, images)) for record in records
    )


async def json_array(
    chunks: AsyncGenerator[bytes, None], *, separator: bytes = b","
) -> AsyncGenerator[bytes, None]:
    """The JSON array of the elements in all chunks."""
    before = b"["
    async with aclosing(chunks):
        async for chunk in chunks:
            if chunk:
                yield before + chunk
                before = separator
    yield b"[]" if before == b"[" else b"]"


def csv_lines(records: Sequence[Detection], urls: MediaUrls) -> bytes:
    """Records as lines of a ``csv_table``: one a face, and one for an image without a face."""
    return _lines(row for record in records for row in _rows(record, urls))


def csv_header() -> bytes:
    """The line above those of ``csv_lines``: the names of the columns.

    It begins with a byte order mark, which tells spreadsheets that the file is UTF-8.
    """
    return codecs.BOM_UTF8 + _lines([_COLUMNS])


async def csv_table(
    chunks: AsyncGenerator[bytes, None], *, header: bytes
) -> AsyncGenerator[bytes, None]:
    """The lines in all chunks with a header above them (RFC 4180)."""
    yield header
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


def _rows(record: Detection, urls: MediaUrls) -> Iterator[tuple[object, ...]]:
    shared = [column(record, urls) for column in _RECORD_COLUMNS.values()]
    kind = record.kind.value
    if not record.faces:
        yield (*shared, *[""] * len(_FACE_COLUMNS), kind)
    for number, face in enumerate(record.faces, start=1):
        yield (*shared, *[column(number, face) for column in _FACE_COLUMNS.values()], kind)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([_escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _escape_formula(cell: object) -> object:
    """The cell, changed where a spreadsheet would run it as a formula."""
    return _FORMULA.sub(r"\1\2'", cell) if isinstance(cell, str) else cell
