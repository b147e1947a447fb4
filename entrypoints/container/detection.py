"""Detection on uploaded images, and the history of what was detected."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.use_cases.history import EraseHistory, ReadHistory
from application.use_cases.show_image import ShowImage
from application.work.admission import AdmissionGate
from application.work.fair_semaphore import FairSemaphore
from application.work.memory_budget import MemoryBudget
from entrypoints.settings import Settings

# Threads that read and write records take the interpreter from the event loop.
_RECORDS_AT_ONCE = 3


class DetectionContainer(containers.DeclarativeContainer):
    """Detection on one image and on a batch, their admission gate, and the history."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.detection
    system = providers.DependenciesContainer()
    vision = providers.DependenciesContainer()
    stores = providers.DependenciesContainer()
    accounts = providers.DependenciesContainer()

    gate = providers.Singleton(AdmissionGate, config.max_images_in_work)
    encoded_budget = providers.Singleton(MemoryBudget, config.encoded_in_work_bytes)
    record_semaphore = providers.Singleton(FairSemaphore, _RECORDS_AT_ONCE)
    detect_emotions = providers.Singleton(
        DetectEmotions,
        analyser=vision.face_analyser,
        spooler=stores.spooler,
        meter=accounts.meter,
        gate=gate,
        encoded_budget=encoded_budget,
        clock=system.clock,
        telemetry=system.telemetry,
        min_face_size_px=settings.provided.vision.face_detect_min_size,
    )
    detect_batch = providers.Singleton(
        DetectBatch,
        detect_emotions=detect_emotions,
        meter=accounts.meter,
        gate=gate,
        max_files=config.max_batch_size,
        files_at_once=2,
    )
    read_history = providers.Singleton(
        ReadHistory, repository=stores.repository, spool=stores.spool
    )
    erase_history = providers.Singleton(
        EraseHistory,
        repository=stores.repository,
        spool=stores.spool,
        images=stores.images,
        erase_videos=stores.erase_videos,
        retry_schedule=stores.retry_schedule,
    )
    show_image = providers.Singleton(
        ShowImage,
        repository=stores.repository,
        spool=stores.spool,
        images=stores.images,
        links=accounts.link_signer,
        annotator=vision.annotator,
        gate=gate,
        encoded_budget=encoded_budget,
        max_image_bytes=config.max_upload_bytes,
    )
