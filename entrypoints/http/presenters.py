"""From what the use cases return to what goes over the wire."""

from __future__ import annotations

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.image_links import ImageLinks
from application.use_cases.accounts import Profile, SignedIn, TokenPair
from domain.detection import Detection
from domain.face import Face
from domain.user import Caller, Guest, Usage, User
from entrypoints.http import schemas
from entrypoints.http.addresses import ImageAddresses
from entrypoints.stream_summary import summarize


def detection(
    record: Detection, addresses: ImageAddresses | None = None, links: ImageLinks | None = None
) -> schemas.Detection:
    """One analysed image or stream.

    Args:
        record: what is shown.
        addresses: makes the address of its image; without them none can be stored yet.
        links: make the addresses of small pictures, where the image store cuts them.
    """
    return schemas.Detection(
        detection_id=record.detection_id,
        kind=record.kind.value,
        user_id=record.user_id,
        timestamp=record.timestamp,
        filename=record.filename,
        image_url=addresses.of(record) if addresses else None,
        pictures=_pictures(record, links) if links else None,
        detection_results=schemas.DetectionResults(
            faces=[face(each) for each in record.faces],
            face_detected=bool(record.faces),
            processing_time=record.processing_time_s,
        ),
        image=schemas.ImageSize(width=record.image_width, height=record.image_height),
        stream=None if record.stream is None else summarize(record.stream),
    )


def _pictures(record: Detection, links: ImageLinks) -> schemas.Pictures | None:
    owner_id, key = record.user_id, record.detection_id
    if record.image_url != links.original(owner_id, key):
        return None  # It is not stored yet, or came from an older service and lies elsewhere.
    return schemas.Pictures(
        thumbnail=links.thumbnail(owner_id, key),
        faces=[links.face_crop(owner_id, key, each.detection.box) for each in record.faces],
    )


def batch_detection(record: Detection) -> schemas.BatchDetection:
    """One analysed image of a batch."""
    shown = detection(record)
    return schemas.BatchDetection(
        **{name: getattr(shown, name) for name in shown.__struct_fields__}
    )


def face(found: Face) -> schemas.Face:
    """One face."""
    box, reading = found.detection.box, found.reading
    return schemas.Face(
        box=[box.x, box.y, box.width, box.height],
        emotions=[
            schemas.EmotionScore(emotion=emotion, score=score, percentage=_percentage(score))
            for emotion, score in reading.scores.ranked()
        ],
        dominant_emotion=found.dominant_emotion,
        detection_confidence=found.detection.confidence,
        quality=schemas.Quality(
            sharpness=reading.quality.sharpness,
            brightness=reading.quality.brightness,
            size_px=reading.quality.size_px,
        ),
        reliable=reading.reliable,
    )


def _percentage(score: float) -> float:
    """100 × score, without the binary dust of a product such as 100 × 0.57."""
    return float(f"{100 * score:.9g}")


def user(caller: Caller, used: Usage) -> schemas.User:
    """A user or a guest."""
    known = caller if isinstance(caller, User) else None
    return schemas.User(
        user_id=caller.user_id,
        email=known.email if known else None,
        display_name=known.display_name if known else None,
        photo_url=known.photo_url if known else None,
        is_guest=known is None,
        is_email_verified=known is not None and known.is_email_verified,
        providers=list(known.providers) if known else [],
        usage_count=used.count,
        last_used=used.last_used,
        created_at=caller.created_at,
    )


def usage(profile: Profile) -> schemas.Usage:
    """What a caller has used."""
    return schemas.Usage(
        user_id=profile.caller.user_id,
        is_guest=isinstance(profile.caller, Guest),
        usage_count=profile.usage.count,
        max_usage=profile.usage.limit,
        remaining=profile.usage.remaining,
        resets_at=profile.usage.resets_at,
    )


def tokens(pair: TokenPair) -> schemas.Tokens:
    """Fresh tokens."""
    return schemas.Tokens(
        access_token=pair.access.value,
        refresh_token=pair.refresh_token,
        expires_in=pair.access.expires_in_s,
    )


def signed_in(result: SignedIn) -> schemas.SignedIn:
    """A user with fresh tokens."""
    return schemas.SignedIn(
        message="signed in",
        user=user(result.user, result.usage),
        access_token=result.tokens.access.value,
        refresh_token=result.tokens.refresh_token,
        expires_in=result.tokens.access.expires_in_s,
    )


def model(detector: FaceDetector, classifier: EmotionClassifier) -> schemas.Model:
    """What runs."""
    card = classifier.card
    return schemas.Model(
        detector=schemas.Detector(
            name=detector.name, version=detector.version, measured=dict(detector.measured)
        ),
        classifier=schemas.Classifier(
            name=card.name,
            version=card.version,
            labels=list(card.labels),
            input_size=schemas.InputSize(width=card.input_width, height=card.input_height),
            measured=dict(card.measured),
        ),
    )
