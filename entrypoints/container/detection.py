"""Detection on uploaded images, and the history of what was detected."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.accounts.links import LinkSigner
from application.accounts.metering import UsageMeter
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.face_analyser import FaceAnalyser
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import ImageStore
from application.ports.telemetry import Telemetry
from application.storing.retry_schedule import RetrySchedule
from application.storing.spooler import Spooler
from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.history import EraseHistory, ReadHistory
from application.use_cases.show_image import ShowImage
from application.work.admission import AdmissionGate
from application.work.fair_semaphore import FairSemaphore
from application.work.memory_budget import MemoryBudget
from entrypoints.settings.detection import DetectionSettings

# Threads that read and write records take the interpreter from the event loop.
_RECORDS_AT_ONCE = 3


class DetectionContainer(containers.DeclarativeContainer):
    """Detection on one image and on a batch, their admission gate, and the history."""

    settings = providers.Dependency(instance_of=DetectionSettings)
    config = settings.provided
    min_face_size_px: providers.Dependency[int] = providers.Dependency(instance_of=int)
    clock: providers.Dependency[Clock] = providers.Dependency()
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()
    face_analyser: providers.Dependency[FaceAnalyser] = providers.Dependency()
    annotator: providers.Dependency[ImageAnnotator] = providers.Dependency()
    repository: providers.Dependency[DetectionRepository] = providers.Dependency()
    spool: providers.Dependency[DetectionSpool] = providers.Dependency()
    images: providers.Dependency[ImageStore] = providers.Dependency()
    spooler = providers.Dependency(instance_of=Spooler)
    erase_videos = providers.Dependency(instance_of=EraseVideos)
    retry_schedule = providers.Dependency(instance_of=RetrySchedule)
    meter = providers.Dependency(instance_of=UsageMeter)
    link_signer = providers.Dependency(instance_of=LinkSigner)

    gate = providers.Singleton(AdmissionGate, config.max_images_in_work)
    encoded = providers.Singleton(MemoryBudget, config.encoded_in_work_bytes)
    record_semaphore = providers.Singleton(FairSemaphore, _RECORDS_AT_ONCE)
    detect_emotions = providers.Singleton(
        DetectEmotions,
        analyser=face_analyser,
        spooler=spooler,
        meter=meter,
        gate=gate,
        encoded=encoded,
        clock=clock,
        telemetry=telemetry,
        min_face_size_px=min_face_size_px,
    )
    detect_batch = providers.Singleton(
        DetectBatch,
        detect_emotions=detect_emotions,
        meter=meter,
        gate=gate,
        max_files=config.max_batch_size,
        files_at_once=2,
    )
    read_history = providers.Singleton(ReadHistory, repository=repository, spool=spool)
    erase_history = providers.Singleton(
        EraseHistory,
        repository=repository,
        spool=spool,
        images=images,
        erase_videos=erase_videos,
        retry_schedule=retry_schedule,
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
        max_image_bytes=config.max_upload_bytes,
    )
