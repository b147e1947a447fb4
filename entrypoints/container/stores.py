"""The stores: records, images, accounts, counts, and the spool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.circuit_breaker import CircuitBreaker
from adapters.filesystem import (
    FileSystemDetectionSpool,
    FileSystemImageStore,
    FileSystemVideoStore,
    ReceivingFolder,
    folder_lock,
)
from adapters.sqlite import (
    SqliteDatabase,
    SqliteDetectionRepository,
    SqliteRefreshTokenRepository,
    SqliteUsageLedger,
    SqliteUserRepository,
    SqliteVideoRepository,
)
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_store import ImageStore
from application.ports.refresh_token_repository import RefreshTokenRepository
from application.ports.telemetry import Telemetry
from application.ports.usage_ledger import UsageLedger
from application.ports.user_repository import UserRepository
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from application.storing.carrier import Carrier
from application.storing.delivery import Delivery
from application.storing.retry_schedule import RetrySchedule
from application.storing.spooler import Spooler
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.forget_expired import ForgetExpired
from application.use_cases.import_history import ImportHistory, UnreadableDetection
from domain.detection import Detection
from entrypoints.container.extras import extra
from entrypoints.settings import Settings
from entrypoints.settings.stores import StoreSettings

if TYPE_CHECKING:
    from adapters.cloudinary import (
        CloudinaryClient,
        CloudinaryImageStore,
        CloudinaryUrls,
        CloudinaryVideoStore,
    )
    from adapters.mongodb import MongoDatabase


def _mongo_database(
    settings: StoreSettings,
    telemetry: Telemetry,
    *,
    uri: str,
    name: str,
    makes_indexes: bool = True,
) -> MongoDatabase:
    """A connection to a MongoDB server, not opened yet."""
    with extra("mongodb", "MongoDB needs"):
        from adapters.mongodb import MongoDatabase
    return MongoDatabase(
        uri=uri,
        name=name,
        timeout_s=settings.mongodb_timeout_s,
        max_connections=settings.mongodb_max_connections,
        # The driver itself keeps trying until the timeout, so two failures say enough.
        breaker=CircuitBreaker(
            "MongoDB", failures=2, slow_s=settings.mongodb_timeout_s / 2, telemetry=telemetry
        ),
        makes_indexes=makes_indexes,
    )


@dataclass(frozen=True, slots=True)
class Repositories:
    """What is kept in one database. ``REPOSITORY`` chooses the function that makes it."""

    database: SqliteDatabase | MongoDatabase
    detections: DetectionRepository
    users: UserRepository
    refresh_tokens: RefreshTokenRepository
    usage: UsageLedger
    videos: VideoRepository


def _in_sqlite(path: Path) -> Repositories:
    database = SqliteDatabase(path)
    return Repositories(
        database=database,
        detections=SqliteDetectionRepository(database),
        users=SqliteUserRepository(database),
        refresh_tokens=SqliteRefreshTokenRepository(database),
        usage=SqliteUsageLedger(database),
        videos=SqliteVideoRepository(database),
    )


def _in_mongodb(settings: StoreSettings, telemetry: Telemetry) -> Repositories:
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    database = _mongo_database(settings, telemetry, uri=uri, name=settings.mongodb_name)
    from adapters import mongodb

    return Repositories(
        database=database,
        detections=mongodb.MongoDetectionRepository(database),
        users=mongodb.MongoUserRepository(database),
        refresh_tokens=mongodb.MongoRefreshTokenRepository(database),
        usage=mongodb.MongoUsageLedger(database),
        videos=mongodb.MongoVideoRepository(database),
    )


def _older_history(
    database: MongoDatabase, *, collection: str | None
) -> AsyncIterator[Detection | UnreadableDetection]:
    """The history that an older service left in MongoDB."""
    from adapters.mongodb import older_history

    return older_history(database, collection=collection)


def _cloudinary(
    settings: StoreSettings, telemetry: Telemetry
) -> tuple[CloudinaryUrls, CloudinaryClient]:
    """Addresses, and a client; each store has its own, so that videos do not delay images."""
    with extra("cloudinary", "IMAGE_STORE=cloudinary needs"):
        from adapters.cloudinary import CloudinaryClient, CloudinaryUrls
    assert settings.cloudinary_cloud_name is not None
    assert settings.cloudinary_api_key is not None
    assert settings.cloudinary_api_secret is not None
    api_secret = settings.cloudinary_api_secret.get_secret_value()
    urls = CloudinaryUrls(
        cloud_name=settings.cloudinary_cloud_name,
        api_secret=api_secret,
        folder=settings.cloudinary_folder,
        is_authenticated=settings.cloudinary_authenticated,
        delivery_url=settings.cloudinary_delivery_url,
    )
    client = CloudinaryClient(
        cloud_name=settings.cloudinary_cloud_name,
        api_key=settings.cloudinary_api_key,
        api_secret=api_secret,
        timeout_s=settings.cloudinary_timeout_s,
        upload_prefix=settings.cloudinary_upload_prefix,
        breaker=CircuitBreaker("Cloudinary", telemetry=telemetry),
    )
    return urls, client


def _cloudinary_image_store(settings: StoreSettings, telemetry: Telemetry) -> CloudinaryImageStore:
    urls, client = _cloudinary(settings, telemetry)
    from adapters.cloudinary import CloudinaryImageStore

    return CloudinaryImageStore(urls=urls, client=client)


def _cloudinary_video_store(
    settings: StoreSettings, telemetry: Telemetry, receiving: ReceivingFolder
) -> CloudinaryVideoStore:
    urls, client = _cloudinary(settings, telemetry)
    from adapters.cloudinary import CloudinaryVideoStore

    return CloudinaryVideoStore(urls=urls, client=client, received=receiving.received)


class StoresContainer(containers.DeclarativeContainer):
    """Repositories, the image store and the spool."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.stores
    system = providers.DependenciesContainer()

    repositories: providers.Provider[Repositories] = providers.Selector(
        config.repository,
        sqlite=providers.Singleton(_in_sqlite, config.database_path),
        mongodb=providers.Singleton(_in_mongodb, config, system.telemetry),
    )
    database: providers.Provider[SqliteDatabase | MongoDatabase] = repositories.provided.database
    repository: providers.Provider[DetectionRepository] = repositories.provided.detections
    users: providers.Provider[UserRepository] = repositories.provided.users
    refresh_tokens: providers.Provider[RefreshTokenRepository] = (
        repositories.provided.refresh_tokens
    )
    usage_ledger: providers.Provider[UsageLedger] = repositories.provided.usage
    videos: providers.Provider[VideoRepository] = repositories.provided.videos

    images: providers.Provider[ImageStore] = providers.Selector(
        config.image_store,
        filesystem=providers.Singleton(
            FileSystemImageStore,
            folder=config.images_dir,
            url_prefix=settings.provided.server.images_path,
        ),
        cloudinary=providers.Singleton(_cloudinary_image_store, config, system.telemetry),
    )
    receiving_folder = providers.Singleton(ReceivingFolder, config.receiving_dir)
    video_files: providers.Provider[VideoStore] = providers.Selector(
        config.image_store,
        filesystem=providers.Singleton(
            FileSystemVideoStore, folder=config.videos_dir, receiving=receiving_folder
        ),
        cloudinary=providers.Singleton(
            _cloudinary_video_store, config, system.telemetry, receiving_folder
        ),
    )
    erase_videos = providers.Singleton(
        EraseVideos, repository=videos, store=video_files, history=repository
    )

    spool_lock = providers.Callable(folder_lock, config.spool_dir)
    spool: providers.Provider[DetectionSpool] = providers.Singleton(
        FileSystemDetectionSpool, folder=config.spool_dir, max_bytes=config.spool_max_bytes
    )
    # For commands: the service may be running, so its spool is only emptied.
    spool_of_the_service: providers.Provider[DetectionSpool] = providers.Factory(
        FileSystemDetectionSpool,
        folder=config.spool_dir,
        max_bytes=config.spool_max_bytes,
        is_own=False,
    )

    retry_schedule = providers.Singleton(RetrySchedule, system.clock)
    delivery = providers.Singleton(
        Delivery,
        spool=spool,
        repository=repository,
        users=users,
        images=images,
        retry_schedule=retry_schedule,
        telemetry=system.telemetry,
    )
    spooler = providers.Singleton(
        Spooler,
        spool=spool,
        delivery=delivery,
        retry_schedule=retry_schedule,
        telemetry=system.telemetry,
    )
    carrier = providers.Singleton(
        Carrier,
        spool=spool,
        delivery=delivery,
        retry_schedule=retry_schedule,
        telemetry=system.telemetry,
        give_up_after_s=config.store_give_up_s,
    )
    forget_expired = providers.Singleton(
        ForgetExpired,
        ledger=usage_ledger,
        refresh_tokens=refresh_tokens,
        repository=repository,
        videos=videos,
        clock=system.clock,
    )

    # What `emotion-api import` reads
    mongo_database = providers.Factory(_mongo_database, config, system.telemetry)
    older_history = providers.Callable(_older_history)
    import_history = providers.Factory(ImportHistory, repository)
