"""The one place where ports meet adapters. Settings choose; nobody else imports an adapter."""

from __future__ import annotations

import logging
from pathlib import Path

from dependency_injector import containers, providers

from adapters.av import AvVideoReader
from adapters.filesystem import FileSystemDetectionSpool, FileSystemImageStore, FolderLock
from adapters.in_memory import InMemoryMessageChannel, InMemorySessionPlaces
from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.evaluation import (
    evaluate,
    evaluate_shifts,
    read_labelled_faces,
    shifted_readings,
)
from adapters.inference.executor import WorkExecutor
from adapters.inference.face_evaluation import evaluate_detector
from adapters.inference.labelled_photos import read_labelled_photos
from adapters.inference.quality import MEASURED_THRESHOLDS
from adapters.local_auth import (
    HmacLinkSigner,
    JwtTokenService,
    LocalIdentityProvider,
    LocalSignInCodes,
    load_or_create_secret,
)
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.onnx.triton import write_triton_repository
from adapters.opencv.decoder import DecodingProcess, OpenCvImageDecoder
from adapters.opencv.encoded import DecodingLimits
from adapters.opencv.haar import HaarFaceDetector
from adapters.opencv.yunet import YuNetFaceDetector
from adapters.opencv.yunet_file import YuNetFile
from adapters.pillow.annotator import PillowImageAnnotator
from adapters.prometheus.telemetry import PrometheusTelemetry
from adapters.sqlite import (
    SqliteDatabase,
    SqliteDetectionRepository,
    SqliteRefreshTokenRepository,
    SqliteUsageLedger,
    SqliteUserRepository,
)
from adapters.system.clock import SystemClock
from adapters.tracking import KalmanFaceTracker
from application.account_standing import AccountStanding
from application.memory_budget import MemoryBudget
from application.metering import UsageMeter
from application.sessions.analysis import FrameTools
from application.sessions.sessions import StreamSessions
from application.use_cases import accounts, history
from application.use_cases.analyse_video import AnalyseVideo
from application.use_cases.annotate_detection import AnnotateDetection
from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.use_cases.end_accounts import EraseAccount, RevokeAccount
from application.use_cases.forget_expired import ForgetExpired
from application.use_cases.import_history import ImportHistory
from application.use_cases.keep_session import KeepSession
from application.use_cases.show_image import ShowImage
from application.use_cases.store_detection import StoreDetection
from application.work import AdmissionGate
from entrypoints import container_extras as extras
from entrypoints.secret_strength import weakness_of
from entrypoints.settings import BadSettings, Settings

log = logging.getLogger(__name__)


def _secret(settings: Settings) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    try:
        secret = load_or_create_secret(settings.secret_path)
        if weakness := weakness_of(secret):
            raise BadSettings(f"the secret in {settings.secret_path} {weakness}")
        return secret
    except ValueError as error:
        raise BadSettings(str(error)) from None
    except OSError as error:
        raise BadSettings(
            f"DATA_DIR={settings.data_dir}: {error.strerror}; a folder to write in is needed"
        ) from error


def _model_file(name: str, path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise BadSettings(f"{name}={path}: there is no such file; `emotion-api models` gets models")
    return path


def _bundled_face_detector(settings: Settings, executor: WorkExecutor) -> OnnxFaceDetector:
    # With "auto", YuNet had the first word once: a surprise to who names its file.
    if settings.face_detector == "auto" and "yunet_model" in settings.model_fields_set:
        log.warning(
            "YUNET_MODEL=%s: not used; FACE_DETECTOR=yunet takes it in place of the bundled one",
            settings.yunet_model,
        )
    return OnnxFaceDetector(executor=executor)


class Container(containers.DeclarativeContainer):
    """Every part of the service, made when first asked for."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided

    # What everybody needs
    clock = providers.Singleton(SystemClock)
    telemetry = providers.Singleton(PrometheusTelemetry)
    secret = providers.Singleton(_secret, settings)
    executor = providers.Singleton(
        WorkExecutor,
        threads=config.threads,
    )

    # From bytes to emotions
    decoding_process = providers.Singleton(DecodingProcess)
    pixel_budget = providers.Singleton(MemoryBudget, config.pixels_in_work_bytes)
    decoder = providers.Singleton(
        OpenCvImageDecoder,
        executor=executor,
        process=decoding_process,
        budget=pixel_budget,
        limits=providers.Factory(
            DecodingLimits,
            max_pixels=config.max_pixels,
            memory_bytes=config.max_image_memory_bytes,
            cpu_s=config.max_image_seconds,
        ),
    )
    frame_decoder = providers.Singleton(
        OpenCvImageDecoder,
        executor=executor,
        process=decoding_process,
        budget=pixel_budget,
        limits=providers.Factory(
            DecodingLimits,
            max_pixels=config.max_frame_pixels,
            memory_bytes=config.max_image_memory_bytes,
            cpu_s=config.max_frame_seconds,
        ),
    )
    face_detector = providers.Selector(
        config.detector_choice,
        bundled=providers.Singleton(_bundled_face_detector, settings, executor),
        haar=providers.Singleton(
            HaarFaceDetector,
            executor=executor,
            scale_factor=config.haar_scale_factor,
            min_neighbors=config.haar_min_neighbors,
        ),
        yunet=providers.Singleton(
            YuNetFaceDetector,
            executor=executor,
            model=providers.Callable(_model_file, "YUNET_MODEL", config.yunet_model),
            score_threshold=config.yunet_min_confidence,
        ),
    )
    onnx_crop_classifier = providers.Singleton(
        OnnxCropClassifier,
        weights=providers.Callable(_model_file, "CLASSIFIER_WEIGHTS", config.classifier_weights),
    )
    crop_classifier = providers.Selector(
        config.classifier,
        onnx=onnx_crop_classifier,
        vit=providers.Singleton(
            extras.vit_crop_classifier,
            model=config.huggingface_model,
            revision=config.checkpoint_revision,
            device=config.vit_device,
        ),
        remote=providers.Singleton(extras.remote_crop_classifier, settings),
    )
    embedded_emotion_classifier = providers.Singleton(
        BatchingEmotionClassifier,
        model=crop_classifier,
        executor=executor,
        thresholds=providers.Object(MEASURED_THRESHOLDS),
        framing=face_detector.provided.framing,
    )
    emotion_classifier = providers.Selector(
        config.classifier,
        onnx=embedded_emotion_classifier,
        vit=embedded_emotion_classifier,
        remote=providers.Singleton(
            extras.remote_emotion_classifier,
            model=crop_classifier,
            executor=executor,
            connections=config.remote_classifier_connections,
            thresholds=providers.Object(MEASURED_THRESHOLDS),
            framing=face_detector.provided.framing,
        ),
    )

    annotator = providers.Singleton(PillowImageAnnotator, executor=executor, decoder=decoder)

    # What the command line does with models
    checkpoint = providers.Factory(
        extras.checkpoint,
        model=config.huggingface_model,
        revision=config.checkpoint_revision,
        endpoint=config.hf_endpoint,
    )
    triton_repository = providers.Callable(write_triton_repository, onnx_crop_classifier)
    checkpoint_export = providers.Factory(extras.checkpoint_export, checkpoint=checkpoint)
    yunet_file = providers.Factory(YuNetFile, path=config.yunet_model, endpoint=config.hf_endpoint)
    read_labelled_faces = providers.Callable(read_labelled_faces)
    evaluation = providers.Callable(evaluate, crop_classifier)
    shift_figures = providers.Callable(evaluate_shifts, crop_classifier)
    shifted_readings = providers.Callable(shifted_readings)
    read_labelled_photos = providers.Callable(read_labelled_photos)
    detector_evaluation = providers.Callable(evaluate_detector, face_detector, decoder)

    # What is kept
    sqlite_database = providers.Singleton(SqliteDatabase, config.database_path)
    mongo_stores = providers.Singleton(extras.mongo_stores, settings)
    database = providers.Selector(
        config.repository, sqlite=sqlite_database, mongodb=mongo_stores.provided.database
    )
    repository = providers.Selector(
        config.repository,
        sqlite=providers.Singleton(SqliteDetectionRepository, sqlite_database),
        mongodb=mongo_stores.provided.detections,
    )
    users = providers.Selector(
        config.repository,
        sqlite=providers.Singleton(SqliteUserRepository, sqlite_database),
        mongodb=mongo_stores.provided.users,
    )
    refresh_token_repository = providers.Selector(
        config.repository,
        sqlite=providers.Singleton(SqliteRefreshTokenRepository, sqlite_database),
        mongodb=mongo_stores.provided.refresh_tokens,
    )
    usage_ledger = providers.Selector(
        config.repository,
        sqlite=providers.Singleton(SqliteUsageLedger, sqlite_database),
        mongodb=mongo_stores.provided.usage,
    )
    image_store = providers.Selector(
        config.image_store,
        filesystem=providers.Singleton(
            FileSystemImageStore,
            folder=config.images_dir,
            url_prefix=config.images_url,
        ),
        cloudinary=providers.Singleton(extras.cloudinary_image_store, settings),
    )
    image_links = providers.Singleton(extras.image_links, settings)
    spool = providers.Singleton(
        FileSystemDetectionSpool,
        folder=config.spool_dir,
        max_bytes=config.spool_max_bytes,
    )

    spool_lock = providers.Factory(FolderLock, config.spool_dir)

    # What the processes of the service share
    redis_database = providers.Singleton(extras.redis_database, settings)
    session_places = providers.Selector(
        config.shared_through,
        memory=providers.Singleton(InMemorySessionPlaces, clock),
        redis=providers.Singleton(extras.redis_session_places, redis_database),
    )
    message_channel = providers.Selector(
        config.shared_through,
        memory=providers.Singleton(InMemoryMessageChannel),
        redis=providers.Singleton(extras.redis_message_channel, redis_database),
    )

    # Who calls
    identity_provider = providers.Selector(
        config.auth,
        local=providers.Singleton(
            LocalIdentityProvider,
            secret=secret,
            clock=clock,
            clock_skew_s=config.clock_skew_seconds,
        ),
        firebase=providers.Singleton(extras.firebase_identity_provider, settings),
    )
    token_service = providers.Singleton(
        JwtTokenService,
        secret=secret,
        clock=clock,
        access_lifetime_s=config.access_token_lifetime_s,
        refresh_lifetime_s=config.refresh_token_lifetime_s,
        guest_lifetime_s=config.guest_window_seconds,
        clock_skew_s=config.clock_skew_seconds,
    )
    sign_in_codes = providers.Singleton(LocalSignInCodes, clock=clock)
    link_signer = providers.Singleton(
        HmacLinkSigner, secret=secret, clock=clock, lifetime_s=config.image_link_seconds
    )

    # Use cases
    meter = providers.Singleton(
        UsageMeter,
        usage_ledger,
        clock,
        config.guest_quota,
    )
    gate = providers.Singleton(AdmissionGate, config.max_images_in_work)
    store_detection = providers.Singleton(
        StoreDetection,
        spool=spool,
        repository=repository,
        users=users,
        images=image_store,
        clock=clock,
        telemetry=telemetry,
        give_up_after_s=config.store_give_up_s,
    )
    detect_emotions = providers.Singleton(
        DetectEmotions,
        decoder=decoder,
        detector=face_detector,
        classifier=emotion_classifier,
        store=store_detection,
        meter=meter,
        gate=gate,
        clock=clock,
        telemetry=telemetry,
        min_face_size_px=config.face_detect_min_size,
    )
    video_reader = providers.Singleton(AvVideoReader, executor=executor)
    analyse_video = providers.Singleton(
        AnalyseVideo,
        reader=video_reader,
        detector=face_detector,
        classifier=emotion_classifier,
        new_tracker=providers.Object(KalmanFaceTracker),
        telemetry=telemetry,
        min_face_size_px=config.face_detect_min_size,
        frames_at_once=config.video_frames_at_once,
    )
    detect_batch = providers.Singleton(
        DetectBatch,
        detect_emotions=detect_emotions,
        meter=meter,
        gate=gate,
        max_files=config.max_batch_size,
        files_at_once=2,
    )
    account_standing = providers.Singleton(
        AccountStanding,
        identity=identity_provider,
        users=users,
        refresh_tokens=refresh_token_repository,
        clock=clock,
        recheck_s=config.identity_recheck_seconds,
    )
    authenticate = providers.Singleton(
        accounts.Authenticate,
        identity=identity_provider,
        users=users,
        tokens=token_service,
        standing=account_standing,
    )
    stream_sessions = providers.Singleton(
        StreamSessions,
        limits=config.session_limits,
        defaults=config.stream_defaults,
        tools=providers.Factory(
            FrameTools,
            decoder=frame_decoder,
            detector=face_detector,
            classifier=emotion_classifier,
            telemetry=telemetry,
        ),
        new_tracker=providers.Object(KalmanFaceTracker),
        keep=providers.Factory(KeepSession, store_detection),
        places=session_places,
        verify_token=authenticate.provided.execute,
        clock=clock,
    )
    mongo_database = providers.Factory(extras.mongo_database, settings)
    older_history = providers.Factory(extras.older_history)
    import_history = providers.Factory(ImportHistory, repository)
    forget_expired = providers.Singleton(
        ForgetExpired,
        ledger=usage_ledger,
        refresh_tokens=refresh_token_repository,
        repository=repository,
        clock=clock,
    )
    list_history = providers.Singleton(history.ListHistory, repository)
    get_detection = providers.Singleton(history.GetDetection, repository)
    delete_detection = providers.Singleton(history.DeleteDetection, repository, spool, image_store)
    delete_history = providers.Singleton(history.DeleteHistory, repository, spool, image_store)
    export_history = providers.Singleton(history.ExportHistory, repository)
    storage_status = providers.Singleton(history.GetStorageStatus, repository, spool)
    read_image = providers.Singleton(history.ReadImage, image_store)
    open_image_link = providers.Singleton(
        history.OpenImageLink, link_signer, repository, image_store
    )
    show_image = providers.Singleton(ShowImage, annotator, gate)
    annotate_detection = providers.Singleton(
        AnnotateDetection, get_detection, read_image, spool, annotator, gate
    )
    sign_in = providers.Singleton(
        accounts.SignIn,
        identity=identity_provider,
        users=users,
        refresh_tokens=refresh_token_repository,
        tokens=token_service,
        standing=account_standing,
        meter=meter,
    )
    sign_in_by_code = providers.Singleton(accounts.SignInByCode, sign_in_codes, sign_in)
    refresh_tokens = providers.Singleton(
        accounts.RefreshTokens,
        refresh_tokens=refresh_token_repository,
        tokens=token_service,
        standing=account_standing,
        clock=clock,
        grace_s=config.refresh_grace_seconds,
    )
    revoke_tokens = providers.Singleton(accounts.RevokeTokens, refresh_token_repository)
    revoke_account = providers.Factory(
        RevokeAccount, users=users, refresh_tokens=refresh_token_repository, clock=clock
    )
    erase_account = providers.Factory(
        EraseAccount,
        users=users,
        refresh_tokens=refresh_token_repository,
        ledger=usage_ledger,
        # The service may be running: its spool is only taken from.
        delete_history=providers.Factory(
            history.DeleteHistory,
            repository,
            providers.Factory(
                FileSystemDetectionSpool,
                folder=config.spool_dir,
                max_bytes=config.spool_max_bytes,
                is_own=False,
            ),
            image_store,
        ),
        clock=clock,
    )
    welcome_guest = providers.Singleton(accounts.WelcomeGuest, tokens=token_service, clock=clock)
    get_profile = providers.Singleton(accounts.GetProfile, meter)
