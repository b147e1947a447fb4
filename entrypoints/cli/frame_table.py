"""The frames of a video as a table: a row for each analysed frame and face."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from application.videos.analysis import AnalysedFrame
from domain.emotion import Emotion

COLUMNS = (
    "frame", "time", "face_id", "x", "y", "width", "height", "confidence", "reliable",
    *(emotion.value for emotion in Emotion), "dominant_emotion",
)  # fmt: skip
"""A frame without a face has one row that is empty from ``face_id`` on."""


def header() -> str:
    """The first line of the CSV form."""
    return _line(COLUMNS)


def csv_lines(frame: AnalysedFrame) -> str:
    """The lines of one frame in CSV (RFC 4180); booleans are ``true`` and ``false``."""
    return "".join(_line(_cells(row)) for row in rows(frame))


def rows(frame: AnalysedFrame) -> Iterator[dict[str, object]]:
    """The rows of one frame, by column."""
    start = {"frame": frame.number, "time": round(frame.time_s, 3)}
    if not frame.faces:
        yield {**dict.fromkeys(COLUMNS), **start}
    for face in frame.faces:
        box, scores = face.track.box, face.reading.scores
        yield {
            **start,
            "face_id": face.track.track_id,
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "confidence": round(face.track.confidence, 3),
            "reliable": face.reading.reliable,
            **{emotion.value: round(scores[emotion], 4) for emotion in Emotion},
            "dominant_emotion": face.dominant_emotion.value,
        }


def _cells(row: dict[str, object]) -> list[object]:
    values = [row[column] for column in COLUMNS]
    return [str(value).lower() if isinstance(value, bool) else value for value in values]


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
