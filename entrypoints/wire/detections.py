"""Detections, as answers and in the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

import domain.detection
import domain.video
from application.ports.image_store import ImageStore
from application.use_cases.detect_batch import BatchOutcome
from domain.detection import DetectionKind
from entrypoints.wire import faces, sessions
from entrypoints.wire.faces import Face, PixelCount
from entrypoints.wire.problems import kind_of, text_of
from entrypoints.wire.sessions import Seconds, StreamSummary

ImageUrlOf = Callable[[domain.detection.Detection], str | None]
"""Makes the URL of a record's image for the client; None if none is stored."""


class DetectionResults(Struct, kw_only=True):
    """What was found in an image."""

    faces: Annotated[list[Face], Meta(description="Largest face first; empty without a face.")]
    face_detected: bool
    processing_time: Annotated[float, Meta(ge=0, description="Seconds.", examples=[0.084])]


class ImageSize(Struct, kw_only=True):
    """Size of the upright image in pixels."""

    width: Annotated[PixelCount, Meta(examples=[640])]
    height: Annotated[PixelCount, Meta(examples=[480])]


class Pictures(Struct, kw_only=True):
    """Addresses of thumbnails that the image store makes of an image it keeps."""

    thumbnail: Annotated[str, Meta(description="Centred on a face if there is one.")]
    faces: Annotated[list[str], Meta(description="One of each face, in the order of `faces`.")]


class Unreadable(Struct, kw_only=True, rename={"from_": "from"}):
    """A part of a video that cannot be read."""

    from_: Annotated[Seconds, Meta(description="The last frame before it, in seconds.")]
    to: Annotated[
        Seconds | None, Meta(description="The first frame after it; null where nothing follows.")
    ]


class VideoDetails(Struct, kw_only=True):
    """Details of a recorded video besides its summary."""

    seconds_between_frames: Annotated[
        Seconds, Meta(description="Seconds between two analysed frames.")
    ]
    unreadable: list[Unreadable]


class Detection(Struct, kw_only=True):
    """One analysed image, or one live session or recorded video that was kept."""

    detection_id: UUID
    kind: DetectionKind
    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    timestamp: datetime
    filename: Annotated[
        str | None, Meta(description="As the sender named it.", examples=["holiday.jpg"])
    ]
    image_url: Annotated[
        str | None,
        Meta(
            description="Shows the image without a token until it expires; "
            "null until the image is stored, and for guests. Every answer has a fresh one.",
            examples=[
                "http://localhost:2508/api/images/3fa85f64-5717-4562-b3fc-2c963f66afa6"
                "?expires=1767268800&signature=l3p9…"
            ],
        ),
    ]
    pictures: Annotated[
        Pictures | None,
        Meta(description="In the history, where the image store makes thumbnails."),
    ]
    detection_results: DetectionResults
    image: ImageSize
    stream: Annotated[
        StreamSummary | None,
        Meta(
            description="The summary of a session or video; null for an image. The faces are its "
            "tracks'."
        ),
    ]
    video: Annotated[VideoDetails | None, Meta(description="Null for anything but a video.")]


class BatchDetection(Detection, kw_only=True):
    """One file of a batch that was analysed."""

    status: Literal["completed"] = "completed"


class BatchError(Struct, kw_only=True):
    """One file of a batch that could not be analysed."""

    filename: Annotated[str | None, Meta(examples=["notes.txt"])]
    error: Annotated[str, Meta(examples=["this is not an image"])]
    code: Annotated[str, Meta(description="A stable word.", examples=["invalid_image"])]
    status: Literal["error"] = "error"


BatchEvent = BatchDetection | BatchError


class StorageStatus(Struct, kw_only=True):
    """How far the storing of a detection is."""

    detection_id: UUID
    status: Annotated[Literal["pending", "done", "failed"], Meta(examples=["done"])]


class Deleted(Struct, kw_only=True):
    """How many records were erased."""

    deleted: Annotated[int, Meta(ge=0, examples=[12])]


def present(
    record: domain.detection.Detection,
    image_url_of: ImageUrlOf | None = None,
    images: ImageStore | None = None,
) -> Detection:
    """One analysed image or session.

    Args:
        record: what is shown.
        image_url_of: makes the URL of its image; without it none can be stored yet.
        images: the store, for the URLs of thumbnails; without it none are shown.
    """
    return Detection(
        detection_id=record.detection_id,
        kind=record.kind,
        user_id=record.user_id,
        timestamp=record.timestamp,
        filename=record.filename,
        image_url=image_url_of(record) if image_url_of else None,
        pictures=_pictures(record, images) if images else None,
        detection_results=DetectionResults(
            faces=[faces.present(face) for face in record.faces],
            face_detected=bool(record.faces),
            processing_time=record.processing_time_s,
        ),
        image=ImageSize(width=record.image_width, height=record.image_height),
        stream=None if record.summary is None else sessions.present_summary(record.summary),
        video=None if record.video is None else _video(record.video),
    )


def present_outcome(outcome: BatchOutcome) -> BatchEvent:
    """One file of a batch."""
    result = outcome.result
    if isinstance(result, domain.detection.Detection):
        return BatchDetection(**msgspec.structs.asdict(present(result)))
    return BatchError(filename=outcome.filename, error=text_of(result), code=kind_of(result).code)


def present_unreadable(part: domain.video.UnreadablePart) -> Unreadable:
    """A part of a video that cannot be read."""
    to_s = None if part.to_s is None else round(part.to_s, 3)
    return Unreadable(from_=round(part.from_s, 3), to=to_s)


def _video(details: domain.video.VideoDetails) -> VideoDetails:
    return VideoDetails(
        seconds_between_frames=details.every_s,
        unreadable=[present_unreadable(part) for part in details.unreadable_parts],
    )


def _pictures(record: domain.detection.Detection, images: ImageStore) -> Pictures | None:
    thumbnails = images.thumbnails(record)
    if thumbnails is None:
        return None
    thumbnail, crops = thumbnails
    return Pictures(thumbnail=thumbnail, faces=crops)
