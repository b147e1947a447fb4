"""The only place that connects ports with adapters, chosen by settings.

One module per topic. Each container names the topics that it takes parts of, and this one joins
them: ``container.stores().repository()`` is the repository.
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
    vision = providers.Container(VisionContainer, settings=config.vision, system=system)
    models = providers.Container(ModelsContainer, settings=config.vision, vision=vision)
    stores = providers.Container(
        StoresContainer,
        settings=config.stores,
        images_path=config.server.images_path,
        system=system,
    )
    accounts = providers.Container(
        AccountsContainer,
        settings=config.accounts,
        secret_path=config.stores.secret_path,
        system=system,
        stores=stores,
    )
    detection = providers.Container(
        DetectionContainer,
        settings=config.detection,
        min_face_size_px=config.vision.face_detect_min_size,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
    realtime = providers.Container(
        RealtimeContainer,
        settings=config.realtime,
        limits=config.session_limits,
        defaults=config.session_defaults,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
    video = providers.Container(
        VideoContainer,
        settings=config.video,
        instance_id_path=config.stores.instance_id_path,
        min_face_size_px=config.vision.face_detect_min_size,
        frames_at_once=config.vision.video_frames_at_once,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
