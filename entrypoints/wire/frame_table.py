"""The frames of a video as a table: a row for each analysed frame and face."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from domain.emotion import Emotion
from domain.session import TrackedFace
from domain.video import AnalysedFrame
from entrypoints.wire.faces import Share, TrackId
from entrypoints.wire.sessions import Seconds

_Score = Annotated[
    Share | None,
    Meta(description="Mean of the last second; those of all emotions sum to 1.", examples=[0.92]),
]
_Pixels = Annotated[int | None, Meta(description="In pixels of the video as a player shows it.")]


class _FaceColumns(Struct, kw_only=True):
    """One face in one analysed frame; of a frame without any, all from ``face_id`` on is null."""

    frame: Annotated[
        int, Meta(ge=0, description="Number of the analysed frame, from 0.", examples=[15])
    ]
    time: Annotated[
        Seconds, Meta(description="Seconds from the start of the video.", examples=[3.0])
    ]
    face_id: Annotated[TrackId | None, Meta(examples=["face_1"])] = None
    x: Annotated[_Pixels, Meta(examples=[412])] = None
    y: Annotated[_Pixels, Meta(examples=[120])] = None
    width: Annotated[_Pixels, Meta(examples=[180])] = None
    height: Annotated[_Pixels, Meta(examples=[212])] = None
    confidence: Annotated[Share | None, Meta(examples=[0.97])] = None
    reliable: Annotated[bool | None, Meta(examples=[True])] = None


FrameRow = msgspec.defstruct(
    "FrameRow",
    [
        *((emotion.value, _Score, None) for emotion in Emotion),
        ("dominant_emotion", Annotated[Emotion | None, Meta(examples=["happy"])], None),
    ],
    bases=(_FaceColumns,),
    namespace={"__doc__": _FaceColumns.__doc__},
    module=__name__,
    kw_only=True,
)


def header() -> str:
    """The first line of the CSV form."""
    return _line(FrameRow.__struct_fields__)


def csv_lines(frames: Iterable[AnalysedFrame]) -> str:
    """The lines of frames in CSV (RFC 4180); booleans are ``true`` and ``false``."""
    return "".join(_line(_cells(row)) for frame in frames for row in _rows(frame))


def json_lines(frames: Iterable[AnalysedFrame]) -> bytes:
    """The rows of frames as JSON, one a line."""
    return json_rows(frames, separator=b"\n") + b"\n"


def json_rows(frames: Iterable[AnalysedFrame], *, separator: bytes) -> bytes:
    """The rows of frames as JSON."""
    return separator.join(msgspec.json.encode(row) for frame in frames for row in _rows(frame))


def _rows(frame: AnalysedFrame) -> Iterator[Struct]:
    if not frame.faces:
        yield FrameRow(frame=frame.number, time=round(frame.time_s, 3))
    for face in frame.faces:
        yield _row(frame, face)


def _row(frame: AnalysedFrame, face: TrackedFace) -> Struct:
    box, scores = face.track.box, face.reading.scores
    return FrameRow(
        frame=frame.number,
        time=round(frame.time_s, 3),
        face_id=face.track.track_id,
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        confidence=round(face.track.confidence, 3),
        reliable=face.reading.reliable,
        **{emotion.value: round(scores[emotion], 4) for emotion in Emotion},
        dominant_emotion=face.dominant_emotion,
    )


def _cells(row: Struct) -> list[object]:
    values = [getattr(row, column) for column in FrameRow.__struct_fields__]
    return [str(value).lower() if isinstance(value, bool) else value for value in values]


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
