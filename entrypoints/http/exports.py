"""Records as JSON or CSV."""

from __future__ import annotations

import codecs
import csv as csv_module
import io
import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing

from litestar.serialization import encode_json

from application.ports.image_store import ImageStore
from domain.detection import Detection
from domain.emotion import Emotion
from entrypoints.http.media_urls import MediaUrls
from entrypoints.wire import detections

_COLUMNS = (
    "detection_id", "timestamp", "filename", "image_url", "image_width", "image_height",
    "processing_time", "face", "x", "y", "width", "height", "dominant_emotion",
    *(emotion.value for emotion in Emotion),
    "detection_confidence", "sharpness", "brightness", "size_px", "reliable", "kind",
)  # fmt: skip

LINE = b",\n"
"""Between the elements of an array that is a file."""

# What spreadsheets read as the start of a formula, in full-width forms too: at the start of a cell,
# and after characters that separate cells in locales with a decimal comma, where spreadsheets
# ignore the quotes.
_FORMULA = re.compile(r"(^|[;\t\r\n])([\s\"']*)(?=[=+\-@＝＋－＠])")


def json(
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


async def array(
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


def csv(records: Sequence[Detection], urls: MediaUrls) -> bytes:
    """Records as lines of ``table``: one for each face, and one for an image without a face."""
    return _lines(row for record in records for row in _rows(record, urls))


async def table(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The lines in all chunks with the names of the columns above them (RFC 4180).

    It begins with a byte order mark, which tells spreadsheets that it is UTF-8.
    """
    yield codecs.BOM_UTF8 + _lines([_COLUMNS])
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


def _rows(record: Detection, urls: MediaUrls) -> Iterator[tuple[object, ...]]:
    shared = (
        record.detection_id, record.timestamp.isoformat(), record.filename, urls.of_image(record),
        record.image_width, record.image_height, record.processing_time_s,
    )  # fmt: skip
    if not record.faces:
        yield (*shared, *("" for _ in _COLUMNS[len(shared) : -1]), record.kind.value)
    for number, face in enumerate(record.faces, start=1):
        box, reading = face.detection.box, face.reading
        yield (
            *shared, number, box.x, box.y, box.width, box.height, face.dominant_emotion.value,
            *reading.scores.values, face.detection.confidence, reading.quality.sharpness,
            reading.quality.brightness, reading.quality.size_px, str(reading.reliable).lower(),
            record.kind.value,
        )  # fmt: skip


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv_module.writer(text, quoting=csv_module.QUOTE_ALL)
    writer.writerows([_escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _escape_formula(cell: object) -> object:
    """The cell, changed where a spreadsheet would run it as a formula."""
    return _FORMULA.sub(r"\1\2'", cell) if isinstance(cell, str) else cell
