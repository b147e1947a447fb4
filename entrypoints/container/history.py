"""The use cases of a user's history."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.fair_turns import FairTurns
from application.links import LinkSigner
from application.memory_budget import MemoryBudget
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import ImageStore
from application.storing.backlog import Backlog
from application.use_cases.history import EraseHistory, ReadHistory
from application.use_cases.show_image import ShowImage
from application.videos.erasing import VideoErasure
from application.work import AdmissionGate
from entrypoints.settings.detection import DetectionSettings

# Threads that read and write records take the interpreter from the event loop.
_RECORDS_AT_ONCE = 3


class HistoryContainer(containers.DeclarativeContainer):
    """The use cases of the history and its images."""

    settings = providers.Dependency(instance_of=DetectionSettings)
    repository: providers.Dependency[DetectionRepository] = providers.Dependency()
    spool: providers.Dependency[DetectionSpool] = providers.Dependency()
    images: providers.Dependency[ImageStore] = providers.Dependency()
    annotator: providers.Dependency[ImageAnnotator] = providers.Dependency()
    video_erasure = providers.Dependency(instance_of=VideoErasure)
    backlog = providers.Dependency(instance_of=Backlog)
    link_signer = providers.Dependency(instance_of=LinkSigner)
    gate = providers.Dependency(instance_of=AdmissionGate)
    encoded = providers.Dependency(instance_of=MemoryBudget)

    record_turns = providers.Singleton(FairTurns, _RECORDS_AT_ONCE)
    read_history = providers.Singleton(ReadHistory, repository, spool)
    erase_history = providers.Singleton(
        EraseHistory, repository, spool, images, video_erasure, backlog
    )
    show_image = providers.Singleton(
        ShowImage,
        repository=repository,
        spool=spool,
        images=images,
        links=link_signer,
        annotator=annotator,
        gate=gate,
        encoded=encoded,
        largest_image_bytes=settings.provided.max_upload_bytes,
    )
