"""Parts that not everybody installs: imported only when the settings ask for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adapters.circuit_breaker import CircuitBreaker
from adapters.inference.executor import WorkExecutor
from application.errors import (
    IdentityUnavailable,
    InferenceUnavailable,
    ServiceUnavailable,
    StoreUnavailable,
)
from application.ports.image_links import ImageLinks
from domain.face import BoxFraming, ReliabilityThresholds
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from adapters.cloudinary import CloudinaryImageStore, CloudinaryUrls
    from adapters.firebase import FirebaseIdentityProvider
    from adapters.mongodb import MongoDatabase, MongoStores, OlderMongoHistory
    from adapters.open_inference import (
        OpenInferenceCropClassifier,
        OpenInferenceEmotionClassifier,
    )
    from adapters.redis import RedisDatabase, RedisMessageChannel, RedisSessionPlaces
    from adapters.vit.checkpoint import HuggingFaceCheckpoint
    from adapters.vit.classifier import VitCropClassifier
    from adapters.vit.export import CheckpointExport

log = logging.getLogger(__name__)

# A session waits for Redis when it is opened, and for nothing else.
_REDIS_TIMEOUT_S = 1.0


@contextmanager
def _extra(
    extra: str, wanted_by: str, unavailable: type[ServiceUnavailable] = StoreUnavailable
) -> Iterator[None]:
    """Import what not everybody installs, as late as possible, and say how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise unavailable(
            f"{error.name} is not installed, which {wanted_by}: pip install 'emotion-api[{extra}]'"
        ) from error


@contextmanager
def _vit_extra() -> Iterator[None]:
    """Torch and transformers take seconds to import and a gigabyte to install: only if wanted."""
    with _extra("vit", "checkpoints need", InferenceUnavailable):
        yield


def vit_crop_classifier(*, model: str, revision: str | None, device: str) -> VitCropClassifier:
    """A checkpoint on transformers and torch."""
    with _vit_extra():
        from adapters.vit.classifier import VitCropClassifier
    return VitCropClassifier(model=model, revision=revision, device=device)


def checkpoint(*, model: str, revision: str | None, endpoint: str) -> HuggingFaceCheckpoint:
    """The checkpoint the settings name, to fetch or convert."""
    with _vit_extra():
        from adapters.vit.checkpoint import HuggingFaceCheckpoint
    return HuggingFaceCheckpoint(model=model, revision=revision, endpoint=endpoint)


def checkpoint_export(checkpoint: HuggingFaceCheckpoint) -> CheckpointExport:
    """What converts a checkpoint to ONNX."""
    with _vit_extra():
        from adapters.vit.export import CheckpointExport
    return CheckpointExport(checkpoint=checkpoint)


def remote_crop_classifier(settings: Settings) -> OpenInferenceCropClassifier:
    """A network on an inference server, which is asked once what it serves.

    Raises:
        InferenceUnavailable: it serves nothing that can be used. One that does not answer may come
            later, and is only warned of.
    """
    with _extra("remote", "CLASSIFIER=remote needs", InferenceUnavailable):
        from adapters.open_inference import (
            InferenceServer,
            OpenInferenceCropClassifier,
            Unreachable,
        )
    assert settings.remote_classifier_url is not None
    classifier = OpenInferenceCropClassifier(
        server=InferenceServer(
            url=settings.remote_classifier_url,
            timeout_s=settings.remote_classifier_timeout_s,
            connections=settings.remote_classifier_connections,
            breaker=CircuitBreaker("the inference server"),
        ),
        model=settings.remote_classifier_model,
        version=settings.remote_classifier_version,
        labels=settings.remote_classifier_labels,
        largest_batch=settings.remote_classifier_batch,
    )
    try:
        classifier.check()
    except Unreachable as error:
        log.warning("starting without the classifier: %s", error)
    except InferenceUnavailable:
        classifier.close()
        raise
    return classifier


def remote_emotion_classifier(
    *,
    model: OpenInferenceCropClassifier,
    executor: WorkExecutor,
    connections: int,
    thresholds: ReliabilityThresholds,
    framing: BoxFraming,
) -> OpenInferenceEmotionClassifier:
    """Crops cut here, and read by that network."""
    from adapters.open_inference import OpenInferenceEmotionClassifier

    return OpenInferenceEmotionClassifier(
        model=model,
        executor=executor,
        connections=connections,
        thresholds=thresholds,
        framing=framing,
    )


def mongo_database(
    settings: Settings, *, uri: str, name: str, makes_indexes: bool = True
) -> MongoDatabase:
    """A connection to a MongoDB server, not opened yet."""
    with _extra("mongodb", "MongoDB needs"):
        from adapters.mongodb import MongoDatabase
    return MongoDatabase(
        uri=uri,
        name=name,
        timeout_s=settings.mongodb_timeout_s,
        max_connections=settings.mongodb_max_connections,
        # The driver itself keeps trying until the timeout, so two failures say enough.
        breaker=CircuitBreaker("MongoDB", failures=2, slow_s=settings.mongodb_timeout_s / 2),
        makes_indexes=makes_indexes,
    )


def mongo_stores(settings: Settings) -> MongoStores:
    """Everything that is kept in the MongoDB server of the settings."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    database = mongo_database(settings, uri=uri, name=settings.mongodb_name)
    from adapters.mongodb import MongoStores

    return MongoStores(database)


def older_history(database: MongoDatabase, *, collection: str | None) -> OlderMongoHistory:
    """The history that an older service left in MongoDB."""
    from adapters.mongodb import OlderMongoHistory

    return OlderMongoHistory(database, collection=collection)


def redis_database(settings: Settings) -> RedisDatabase:
    """What several processes share, in the Redis of the settings; not connected yet."""
    with _extra("redis", "REDIS_URL needs"):
        from adapters.redis import RedisDatabase
    assert settings.redis_url is not None
    return RedisDatabase(
        url=settings.redis_url.get_secret_value(),
        prefix=settings.redis_prefix,
        timeout_s=_REDIS_TIMEOUT_S,
        breaker=CircuitBreaker("Redis", failures=2),
    )


def redis_session_places(database: RedisDatabase) -> RedisSessionPlaces:
    """The count of the sessions in all processes."""
    from adapters.redis import RedisSessionPlaces

    return RedisSessionPlaces(database)


def redis_message_channel(database: RedisDatabase) -> RedisMessageChannel:
    """What the processes tell each other."""
    from adapters.redis import RedisMessageChannel

    return RedisMessageChannel(database)


def cloudinary_urls(settings: Settings) -> CloudinaryUrls:
    """The addresses of images in Cloudinary."""
    with _extra("cloudinary", "IMAGE_STORE=cloudinary needs"):
        from adapters.cloudinary import CloudinaryUrls
    assert settings.cloudinary_cloud_name is not None
    assert settings.cloudinary_api_secret is not None
    return CloudinaryUrls(
        cloud_name=settings.cloudinary_cloud_name,
        api_secret=settings.cloudinary_api_secret.get_secret_value(),
        folder=settings.cloudinary_folder,
        is_authenticated=settings.cloudinary_authenticated,
        delivery_url=settings.cloudinary_delivery_url,
    )


def image_links(settings: Settings) -> ImageLinks | None:
    """Addresses of small pictures; None where the image store makes none."""
    return cloudinary_urls(settings) if settings.image_store == "cloudinary" else None


def cloudinary_image_store(settings: Settings) -> CloudinaryImageStore:
    """Images in Cloudinary."""
    urls = cloudinary_urls(settings)
    from adapters.cloudinary import CloudinaryImageStore

    assert settings.cloudinary_cloud_name is not None
    assert settings.cloudinary_api_key is not None
    assert settings.cloudinary_api_secret is not None
    return CloudinaryImageStore(
        urls=urls,
        cloud_name=settings.cloudinary_cloud_name,
        api_key=settings.cloudinary_api_key,
        api_secret=settings.cloudinary_api_secret.get_secret_value(),
        timeout_s=settings.cloudinary_timeout_s,
        upload_prefix=settings.cloudinary_upload_prefix,
        breaker=CircuitBreaker("Cloudinary"),
    )


def firebase_identity_provider(settings: Settings) -> FirebaseIdentityProvider:
    """Users of a Firebase project."""
    with _extra("firebase", "AUTH=firebase needs", IdentityUnavailable):
        from adapters.firebase import FirebaseIdentityProvider, open_client
    client = open_client(
        service_account=settings.firebase_service_account,
        project_id=settings.firebase_project_id,
        timeout_s=settings.firebase_timeout_s,
    )
    return FirebaseIdentityProvider(
        client=client,
        timeout_s=settings.firebase_timeout_s,
        breaker=CircuitBreaker("Firebase"),
        clock_skew_s=settings.clock_skew_seconds,
    )
