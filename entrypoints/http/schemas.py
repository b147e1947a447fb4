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


_HAPPY = [
    {"emotion": emotion, "score": percentage / 100, "percentage": percentage}
    for emotion, percentage in (
        ("happy", 92.0), ("neutral", 4.0), ("surprise", 2.0), ("sad", 0.75), ("fear", 0.5),
        ("angry", 0.5), ("disgust", 0.25),
    )
]  # fmt: skip


class Quality(Struct, kw_only=True):
    """How good the face's part of the image is."""

    sharpness: Annotated[
        float, Meta(description="0 for a flat or fully blurred face.", examples=[0.39])
    ]
    brightness: Annotated[
        Share, Meta(description="Mean brightness, 0 black to 1 white.", examples=[0.57])
    ]
    size_px: Annotated[Pixels, Meta(description="Longer side of the box.", examples=[110])]


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
        Meta(
            min_length=7,
            max_length=7,
            description="All seven, most likely first.",
            examples=[_HAPPY],
        ),
    ]
    dominant_emotion: Emotion
    detection_confidence: Annotated[
        Share, Meta(description="How sure the detector is.", examples=[0.97])
    ]
    quality: Quality
    reliable: Annotated[
        bool,
        Meta(
            description="False where the face is too small, dark, bright or blurred to trust, or "
            "where no score reaches 0.5.",
            examples=[True],
        ),
    ]


class DetectionResults(Struct, kw_only=True):
    """What was found in an image."""

    faces: Annotated[list[Face], Meta(description="Largest face first; empty without a face.")]
    face_detected: bool
    processing_time: Annotated[float, Meta(ge=0, description="Seconds.", examples=[0.084])]


class ImageSize(Struct, kw_only=True):
    """Size of the upright image in pixels."""

    width: Annotated[Pixels, Meta(examples=[640])]
    height: Annotated[Pixels, Meta(examples=[480])]


class Pictures(Struct, kw_only=True):
    """Addresses of small pictures that the image store cuts from an image it keeps."""

    thumbnail: Annotated[str, Meta(description="Centred on a face if there is one.")]
    faces: Annotated[list[str], Meta(description="One of each face, in the order of `faces`.")]


class Detection(Struct, kw_only=True):
    """One analysed image, or one realtime session that was kept."""

    detection_id: UUID
    kind: Literal["image", "stream"]
    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    timestamp: datetime
    filename: Annotated[
        str | None, Meta(description="As the sender named it.", examples=["holiday.jpg"])
    ]
    image_url: Annotated[
        str | None,
        Meta(
            description="Shows the image to whoever holds it, without a token, until it ends; "
            "null until the image is stored, and for guests. Every answer has a fresh one.",
            examples=[
                "http://localhost:2508/api/images/3fa85f64-5717-4562-b3fc-2c963f66afa6"
                "?expires=1767268800&signature=l3p9…"
            ],
        ),
    ]
    pictures: Annotated[
        Pictures | None,
        Meta(description="In the history, where the image store makes small pictures."),
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

    filename: Annotated[str | None, Meta(examples=["notes.txt"])]
    error: Annotated[str, Meta(examples=["this is not an image"])]
    code: Annotated[str, Meta(description="A stable word.", examples=["invalid_image"])]
    status: Literal["error"] = "error"


BatchEvent = BatchDetection | BatchError


class StorageStatus(Struct, kw_only=True):
    """Where the storing of a detection stands."""

    detection_id: UUID
    status: Annotated[Literal["pending", "done", "failed"], Meta(examples=["done"])]


class User(Struct, kw_only=True):
    """Somebody who calls, and what they have used."""

    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    email: Annotated[str | None, Meta(examples=["alice@example.com"])]
    display_name: Annotated[str | None, Meta(examples=["Alice"])]
    photo_url: str | None
    is_guest: bool
    is_email_verified: bool
    providers: Annotated[list[str], Meta(examples=[["local"]])]
    usage_count: Annotated[int, Meta(ge=0)]
    last_used: datetime | None
    created_at: datetime


class Usage(Struct, kw_only=True):
    """What a caller has used and may still use."""

    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    is_guest: bool
    usage_count: Annotated[
        int, Meta(ge=0, description="For a guest, what is used up of the limit that binds now.")
    ]
    max_usage: Annotated[
        int | None,
        Meta(description="The guest's limit, or that of the network address; null without one."),
    ]
    remaining: Annotated[int | None, Meta(description="null without a limit")]
    resets_at: Annotated[datetime | None, Meta(description="When the count starts over.")]


_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
_SECRET = "Zm9yIGV4YW1wbGUgb25seQ"


class IdToken(Struct, kw_only=True):
    """What a sign-in needs."""

    id_token: Annotated[
        str, Meta(min_length=1, description="From the identity provider.", examples=[_TOKEN])
    ]


class SignInCode(Struct, kw_only=True):
    """What signing in by a printed code needs."""

    code: Annotated[
        str, Meta(min_length=1, description="Works once.", examples=["k7qf2-m9xpd"])
    ]  # fmt: skip


class RefreshToken(Struct, kw_only=True):
    """What staying signed in needs."""

    refresh_token: Annotated[str, Meta(min_length=1, description="Works once.", examples=[_SECRET])]


class Tokens(Struct, kw_only=True):
    """Fresh tokens."""

    access_token: Annotated[str, Meta(examples=[_TOKEN])]
    refresh_token: Annotated[str, Meta(examples=[_SECRET])]
    token_type: Literal["bearer"] = "bearer"
    expires_in: Annotated[
        int, Meta(ge=0, description="Seconds until the access token expires.", examples=[7200])
    ]


class SignedIn(Tokens, kw_only=True):
    """A user who has just signed in."""

    message: str
    user: User


class Message(Struct, kw_only=True):
    """Says that it is done."""

    message: Annotated[str, Meta(examples=["sign-ins ended: 2"])]


class Deleted(Struct, kw_only=True):
    """How many records were erased."""

    deleted: Annotated[int, Meta(ge=0, examples=[12])]


class Detector(Struct, kw_only=True):
    """What finds the faces."""

    name: Annotated[str, Meta(examples=["face-pyramid"])]
    version: Annotated[str, Meta(examples=["1.0.0"])]
    measured: Annotated[
        dict[str, Any],
        Meta(
            description="Recall by size, false boxes, calibration, and on which data; may be empty."
        ),
    ]


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

    status: Annotated[Literal["ok"], Meta(examples=["ok"])] = "ok"


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
    docs: Annotated[str, Meta(examples=["/docs"])]
    redoc: Annotated[str, Meta(examples=["/redoc"])]


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

    type: Annotated[str, Meta(examples=["/problems/invalid_image"])]
    code: Annotated[str, Meta(examples=["invalid_image"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[400])]
    title: Annotated[str, Meta(examples=["Not a usable image"])]
    description: Annotated[str, Meta(description="What `detail` says when it knows no more.")]
    happened: Annotated[str, Meta(description="What the service did.")]
    why: Annotated[str, Meta(description="What usually leads to it.")]
    remedy: Annotated[str, Meta(description="What the caller can do.")]
