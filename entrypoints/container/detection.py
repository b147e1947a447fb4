"""Detection on uploaded images."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.memory_budget import MemoryBudget
from application.metering import UsageMeter
from application.ports.clock import Clock
from application.ports.face_analyser import FaceAnalyser
from application.ports.telemetry import Telemetry
from application.storing.spooler import Spooler
from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.work import AdmissionGate
from entrypoints.settings.detection import DetectionSettings


class DetectionContainer(containers.DeclarativeContainer):
    """Detection on one image and on a batch, and the admission gate of both."""

    settings = providers.Dependency(instance_of=DetectionSettings)
    config = settings.provided
    min_face_size_px: providers.Dependency[int] = providers.Dependency(instance_of=int)
    clock: providers.Dependency[Clock] = providers.Dependency()
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()
    face_analyser: providers.Dependency[FaceAnalyser] = providers.Dependency()
    spooler = providers.Dependency(instance_of=Spooler)
    meter = providers.Dependency(instance_of=UsageMeter)

    gate = providers.Singleton(AdmissionGate, config.max_images_in_work)
    encoded = providers.Singleton(MemoryBudget, config.encoded_in_work_bytes)
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
