"""The shapes on the wire. ``presenters`` fills them; the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from domain.emotion import Emotion
from entrypoints.stream_summary import StreamSummary

Share = Annotated[float, Meta(ge=0, le=1)]
Pixels = Annotated[int, Meta(ge=1)]


class EmotionScore(Struct, kw_only=True):
    """How likely one emotion is."""

    emotion: Emotion
    score: Annotated[Share, Meta(description="Probability; the seven sum to 1.", examples=[0.92])]
    percentage: Annotated[
        float, Meta(ge=0, le=100, description="100 × score.", examples=[92.0])
    ]  # fmt: skip


class Quality(Struct, kw_only=True):
    """How good the face's part of the image is."""

    sharpness: Annotated[float, Meta(description="0 for a flat or fully blurred face.")]
    brightness: Annotated[Share, Meta(description="Mean brightness, 0 black to 1 white.")]
    size_px: Annotated[Pixels, Meta(description="Shorter side of the box.")]


class Face(Struct, kw_only=True):
    """One face."""

    box: Annotated[
        list[int],
        Meta(
            min_length=4,
            max_length=4,
            description="`[x, y, width, height]` in pixels of the upright image, origin top left.",
            examples=[[169, 73, 110, 110]],
        ),
    ]
    emotions: Annotated[
        list[EmotionScore],
        Meta(min_length=7, max_length=7, description="All seven, most likely first."),
    ]
    dominant_emotion: Emotion
    detection_confidence: Annotated[Share, Meta(description="How sure the detector is.")]
    quality: Quality
    reliable: Annotated[
        bool,
        Meta(description="False where the face is too small, dark, bright or blurred to trust."),
    ]


class DetectionResults(Struct, kw_only=True):
    """What was found in an image."""

    faces: Annotated[list[Face], Meta(description="Largest face first; empty without a face.")]
    face_detected: bool
    processing_time: Annotated[float, Meta(ge=0, description="Seconds.", examples=[0.084])]


class ImageSize(Struct, kw_only=True):
    """Size of the upright image in pixels."""

    width: Pixels
    height: Pixels


class Detection(Struct, kw_only=True):
    """One analysed image, or one realtime session that was kept."""

    detection_id: UUID
    kind: Literal["image", "stream"]
    user_id: str
    timestamp: datetime
    filename: Annotated[str | None, Meta(description="As the sender named it.")]
    image_url: Annotated[
        str | None, Meta(description="Where the image is kept; null until it is, and for guests.")
    ]
    detection_results: DetectionResults
    image: ImageSize
    stream: Annotated[
        StreamSummary | None,
        Meta(description="The session's summary; null for an image. Its faces are the tracks'."),
    ]


class BatchDetection(Detection, kw_only=True):
    """One file of a batch that was analysed."""

    status: Literal["completed"] = "completed"


class BatchError(Struct, kw_only=True):
    """One file of a batch that could not be analysed."""

    filename: str | None
    error: str
    code: str
    status: Literal["error"] = "error"


BatchEvent = BatchDetection | BatchError


class StorageStatus(Struct, kw_only=True):
    """Where the storing of a detection stands."""

    detection_id: UUID
    status: Literal["pending", "done", "failed"]


class User(Struct, kw_only=True):
    """Somebody who calls, and what they have used."""

    user_id: str
    email: Annotated[str | None, Meta(examples=["alice@example.com"])]
    display_name: str | None
    photo_url: str | None
    is_guest: bool
    is_email_verified: bool
    providers: list[str]
    usage_count: Annotated[int, Meta(ge=0)]
    last_used: datetime | None
    created_at: datetime


class Usage(Struct, kw_only=True):
    """What a caller has used and may still use."""

    user_id: str
    is_guest: bool
    usage_count: Annotated[int, Meta(ge=0)]
    max_usage: Annotated[int | None, Meta(description="null without a limit")]
    remaining: Annotated[int | None, Meta(description="null without a limit")]
    resets_at: Annotated[datetime | None, Meta(description="When the count starts over.")]


class IdToken(Struct, kw_only=True):
    """What a sign-in needs."""

    id_token: Annotated[str, Meta(min_length=1, description="From the identity provider.")]


class RefreshToken(Struct, kw_only=True):
    """What staying signed in needs."""

    refresh_token: Annotated[str, Meta(min_length=1, description="Works once.")]


class Tokens(Struct, kw_only=True):
    """Fresh tokens."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: Annotated[int, Meta(ge=0, description="Seconds the access token stands.")]


class SignedIn(Tokens, kw_only=True):
    """A user who has just signed in."""

    message: str
    user: User


class Message(Struct, kw_only=True):
    """Says that it is done."""

    message: str


class Deleted(Struct, kw_only=True):
    """How many records were erased."""

    deleted: Annotated[int, Meta(ge=0)]


class Detector(Struct, kw_only=True):
    """What finds the faces."""

    name: str
    version: str


class InputSize(Struct, kw_only=True):
    """Size in pixels of the face crops the classifier reads."""

    width: Pixels
    height: Pixels


class Classifier(Struct, kw_only=True):
    """What reads the emotions."""

    name: str
    version: str
    labels: list[str]
    input_size: InputSize
    measured: Annotated[
        dict[str, Any],
        Meta(description="Accuracy per class, calibration error, and on which data; may be empty."),
    ]


class Model(Struct, kw_only=True):
    """What runs now."""

    detector: Detector
    classifier: Classifier


class Health(Struct, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


State = Literal["up", "down"]


class Readiness(Struct, kw_only=True):
    """Whether the service can do its work."""

    status: Literal["ready", "not ready"]
    services: Annotated[
        dict[str, State], Meta(examples=[{"repository": "up", "image_store": "up"}])
    ]


class Welcome(Struct, kw_only=True):
    """Where to read on."""

    message: str
    docs: str
    redoc: str


class Problem(Struct, kw_only=True):
    """What went wrong, as in RFC 9457."""

    type: Annotated[str, Meta(description="Names the kind of problem; leads to a description.")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Meta(description="The path that was asked for.")]
    code: Annotated[str, Meta(description="A stable word to branch on.")]
    message: Annotated[str, Meta(description="The same text as `detail`.")]
    details: dict[str, Any]


class ProblemKind(Struct, kw_only=True):
    """A kind of problem."""

    type: str
    code: str
    status: Annotated[int, Meta(ge=400, le=599)]
    title: str
    description: str
