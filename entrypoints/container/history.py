"""The use cases of a user's history."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.fair_turns import FairTurns
from application.memory_budget import MemoryBudget
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import ImageStore
from application.ports.link_signer import LinkSigner
from application.storing.backlog import Backlog
from application.use_cases import history
from application.use_cases.annotate_detection import AnnotateDetection
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
    link_signer: providers.Dependency[LinkSigner] = providers.Dependency()
    gate = providers.Dependency(instance_of=AdmissionGate)
    encoded = providers.Dependency(instance_of=MemoryBudget)

    record_turns = providers.Singleton(FairTurns, _RECORDS_AT_ONCE)
    list_history = providers.Singleton(history.ListHistory, repository)
    get_detection = providers.Singleton(history.GetDetection, repository)
    delete_detection = providers.Singleton(
        history.DeleteDetection, repository, spool, images, video_erasure, backlog
    )
    delete_history = providers.Singleton(
        history.DeleteHistory, repository, spool, images, video_erasure, backlog
    )
    export_history = providers.Singleton(history.ExportHistory, repository)
    storage_status = providers.Singleton(history.GetStorageStatus, repository, spool)
    read_image = providers.Singleton(history.ReadImage, images)
    open_image_link = providers.Singleton(history.OpenImageLink, link_signer, repository, images)
    show_image = providers.Singleton(
        ShowImage, annotator, gate, encoded, settings.provided.max_upload_bytes
    )
    annotate_detection = providers.Singleton(
        AnnotateDetection,
        get_detection,
        read_image,
        spool,
        annotator,
        gate,
        encoded,
        settings.provided.max_upload_bytes,
    )
