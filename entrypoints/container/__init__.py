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

    system = providers.Container(SystemContainer, settings=settings)
    vision = providers.Container(VisionContainer, settings=settings, system=system)
    models = providers.Container(ModelsContainer, settings=settings, vision=vision)
    stores = providers.Container(StoresContainer, settings=settings, system=system)
    accounts = providers.Container(
        AccountsContainer, settings=settings, system=system, stores=stores
    )
    detection = providers.Container(
        DetectionContainer,
        settings=settings,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
    realtime = providers.Container(
        RealtimeContainer,
        settings=settings,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
    video = providers.Container(
        VideoContainer,
        settings=settings,
        system=system,
        vision=vision,
        stores=stores,
        accounts=accounts,
    )
