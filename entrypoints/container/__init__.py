"""The only place that connects ports with adapters, chosen by settings.

One module per topic. The dependencies on other topics are at the top of each container, and this
one joins them: ``container.stores().repository()`` is the repository.
"""

from __future__ import annotations

from dependency_injector import containers, providers

from entrypoints.container.accounts import AccountsContainer
from entrypoints.container.detection import DetectionContainer
from entrypoints.container.models import ModelsContainer
from entrypoints.container.realtime import RealtimeContainer
from entrypoints.container.stores import StoresContainer
from entrypoints.container.system import SystemContainer
from entrypoints.container.video import VideoContainer
from entrypoints.container.vision import VisionContainer
from entrypoints.settings import Settings


class Container(containers.DeclarativeContainer):
    """Every part of the service, made when first used."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided

    system = providers.Container(SystemContainer, settings=config.tracing)
    vision = providers.Container(
        VisionContainer,
        settings=config.vision,
        telemetry=system.telemetry,
        tracing=system.tracing,
    )
    models = providers.Container(
        ModelsContainer,
        settings=config.vision,
        decoder=vision.decoder,
        face_detector=vision.face_detector,
        crop_classifier=vision.crop_classifier,
        onnx_crop_classifier=vision.onnx_crop_classifier,
    )
    stores = providers.Container(
        StoresContainer,
        settings=config.stores,
        images_path=config.server.images_path,
        clock=system.clock,
        telemetry=system.telemetry,
    )
    accounts = providers.Container(
        AccountsContainer,
        settings=config.accounts,
        secret_path=config.stores.secret_path,
        clock=system.clock,
        telemetry=system.telemetry,
        users=stores.users,
        refresh_token_repository=stores.refresh_tokens,
        usage_ledger=stores.usage_ledger,
        repository=stores.repository,
        images=stores.images,
        spool_of_the_service=stores.spool_of_the_service,
        erase_videos=stores.erase_videos,
        retry_schedule=stores.retry_schedule,
    )
    detection = providers.Container(
        DetectionContainer,
        settings=config.detection,
        min_face_size_px=config.vision.face_detect_min_size,
        clock=system.clock,
        telemetry=system.telemetry,
        face_analyser=vision.face_analyser,
        annotator=vision.annotator,
        repository=stores.repository,
        spool=stores.spool,
        images=stores.images,
        spooler=stores.spooler,
        erase_videos=stores.erase_videos,
        retry_schedule=stores.retry_schedule,
        meter=accounts.meter,
        link_signer=accounts.link_signer,
    )
    realtime = providers.Container(
        RealtimeContainer,
        settings=config.realtime,
        limits=config.session_limits,
        defaults=config.session_defaults,
        clock=system.clock,
        telemetry=system.telemetry,
        frame_analyser=vision.frame_analyser,
        spooler=stores.spooler,
        authenticate=accounts.authenticate,
    )
    video = providers.Container(
        VideoContainer,
        settings=config.video,
        instance_id_path=config.stores.instance_id_path,
        min_face_size_px=config.vision.face_detect_min_size,
        frames_at_once=config.vision.video_frames_at_once,
        executor=vision.executor,
        clock=system.clock,
        telemetry=system.telemetry,
        face_detector=vision.face_detector,
        emotion_classifier=vision.emotion_classifier,
        videos=stores.videos,
        video_files=stores.video_files,
        erase_videos=stores.erase_videos,
        history=stores.repository,
        link_signer=accounts.link_signer,
    )
