"""Decoder, face detector and classifier."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.circuit_breaker import CircuitBreaker
from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.direct_classifier import DirectEmotionClassifier
from adapters.inference.executor import WorkExecutor
from adapters.inference.model import CropClassifier
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.encoded import DecodingLimits
from adapters.opencv.haar import HaarFaceDetector
from adapters.opencv.one_job import face_analyser_of
from adapters.opencv.yunet import YuNetFaceDetector
from adapters.pillow.annotator import PillowImageAnnotator
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import FaceAnalyser
from application.ports.face_detector import FaceDetector
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.work.memory_budget import MemoryBudget
from domain.face import BoxFraming
from entrypoints.container.extras import extra
from entrypoints.container.naming import named
from entrypoints.settings import BadSettings, Settings
from entrypoints.settings.vision import VisionSettings

if TYPE_CHECKING:
    from adapters.open_inference import (
        OpenInferenceCropClassifier,
        OpenInferenceEmotionClassifier,
    )
    from adapters.opentelemetry import Tracing
    from adapters.vit.classifier import VitCropClassifier

log = logging.getLogger(__name__)


def model_file(name: str, path: Path | None) -> Path | None:
    """The file that a setting names, if it names one.

    Raises:
        BadSettings: there is no such file.
    """
    if path is not None and not path.is_file():
        raise BadSettings(f"{name}={path}: there is no such file; `emotion-api models` gets models")
    return path


def _yunet_face_detector(settings: VisionSettings, executor: WorkExecutor) -> YuNetFaceDetector:
    model = model_file("YUNET_MODEL", settings.yunet_model)
    assert model is not None
    with named(f"YUNET_MODEL={model}"):
        return YuNetFaceDetector(
            executor=executor, model=model, min_confidence=settings.yunet_min_confidence
        )


def _onnx_crop_classifier(weights: Path | None) -> OnnxCropClassifier:
    if model_file("CLASSIFIER_WEIGHTS", weights) is None:
        return OnnxCropClassifier()
    with named(f"CLASSIFIER_WEIGHTS={weights}"):
        return OnnxCropClassifier(weights=weights)


def _vit_crop_classifier(*, model: str, revision: str | None, device: str) -> VitCropClassifier:
    # Torch and transformers take seconds to import and a gigabyte to install.
    with extra("vit", "checkpoints need", InferenceUnavailable):
        from adapters.vit.classifier import VitCropClassifier
    return VitCropClassifier(model=model, revision=revision, device=device)


def _remote_crop_classifier(
    settings: VisionSettings, telemetry: Telemetry, tracing: Tracing | None
) -> OpenInferenceCropClassifier:
    """A network on an inference server, which is checked once.

    Raises:
        InferenceUnavailable: its model cannot be used. A server that does not answer yet is only
            warned of.
    """
    with extra("remote", "CLASSIFIER=remote needs", InferenceUnavailable):
        from adapters.open_inference import (
            InferenceServer,
            OpenInferenceCropClassifier,
            Unreachable,
        )
    assert settings.remote_classifier_url is not None
    classifier = OpenInferenceCropClassifier(
        server=InferenceServer(
            url=settings.remote_classifier_url,
            timeout_s=settings.remote_classifier_timeout_s,
            connections=settings.remote_classifier_connections,
            breaker=CircuitBreaker("the inference server", telemetry=telemetry),
            trace_headers=dict if tracing is None else tracing.trace_headers,
        ),
        model=settings.remote_classifier_model,
        version=settings.remote_classifier_version,
        labels=settings.remote_classifier_labels,
        max_batch=settings.remote_classifier_batch,
    )
    try:
        classifier.check()
    except Unreachable as error:
        log.warning("starting without the classifier (REMOTE_CLASSIFIER_URL): %s", error)
    except InferenceUnavailable as error:
        classifier.close()
        raise InferenceUnavailable(f"REMOTE_CLASSIFIER_URL: {error}") from error
    return classifier


def _remote_emotion_classifier(
    model: OpenInferenceCropClassifier,
    executor: WorkExecutor,
    framing: BoxFraming,
    connections: int,
) -> OpenInferenceEmotionClassifier:
    """Crops are cut here and scored by that network."""
    from adapters.open_inference import OpenInferenceEmotionClassifier

    return OpenInferenceEmotionClassifier(
        model=model, executor=executor, framing=framing, connections=connections
    )


class VisionContainer(containers.DeclarativeContainer):
    """The parts that compute on pixels."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.vision
    system = providers.DependenciesContainer()

    executor = providers.Singleton(WorkExecutor, threads=config.threads)

    decoding_process = providers.Singleton(DecodingProcess)
    pixel_budget = providers.Singleton(MemoryBudget, config.pixels_in_work_bytes)
    _decoder = providers.Factory(
        OpenCvImageDecoder, executor=executor, process=decoding_process, budget=pixel_budget
    )
    _limits = providers.Factory(DecodingLimits, memory_bytes=config.max_image_memory_bytes)
    decoder: providers.Provider[ImageDecoder] = providers.Singleton(
        _decoder,
        limits=providers.Factory(
            _limits, max_pixels=config.max_pixels, cpu_s=config.max_image_seconds
        ),
    )
    frame_decoder: providers.Provider[ImageDecoder] = providers.Singleton(
        _decoder,
        limits=providers.Factory(
            _limits, max_pixels=config.max_frame_pixels, cpu_s=config.max_frame_seconds
        ),
    )
    annotator: providers.Provider[ImageAnnotator] = providers.Singleton(
        PillowImageAnnotator, executor=executor, decoder=decoder
    )

    face_detector: providers.Provider[FaceDetector] = providers.Selector(
        config.detector_choice,
        bundled=providers.Singleton(OnnxFaceDetector, executor=executor),
        haar=providers.Singleton(
            HaarFaceDetector,
            executor=executor,
            scale_factor=config.haar_scale_factor,
            min_neighbors=config.haar_min_neighbors,
        ),
        yunet=providers.Singleton(_yunet_face_detector, config, executor),
    )

    onnx_crop_classifier = providers.Singleton(_onnx_crop_classifier, config.classifier_weights)
    crop_classifier: providers.Provider[CropClassifier] = providers.Selector(
        config.classifier,
        onnx=onnx_crop_classifier,
        vit=providers.Singleton(
            _vit_crop_classifier,
            model=config.huggingface_model,
            revision=config.checkpoint_revision,
            device=config.vit_device,
        ),
        remote=providers.Singleton(
            _remote_crop_classifier, config, system.telemetry, system.tracing
        ),
    )
    _framing = face_detector.provided.framing
    emotion_classifier: providers.Provider[EmotionClassifier] = providers.Selector(
        config.classifier,
        onnx=providers.Singleton(
            DirectEmotionClassifier, model=crop_classifier, executor=executor, framing=_framing
        ),
        vit=providers.Singleton(
            BatchingEmotionClassifier, model=crop_classifier, executor=executor, framing=_framing
        ),
        remote=providers.Singleton(
            _remote_emotion_classifier,
            crop_classifier,
            executor,
            _framing,
            config.remote_classifier_connections,
        ),
    )

    _analyser = providers.Factory(
        face_analyser_of,
        detector=face_detector,
        classifier=emotion_classifier,
        executor=executor,
        telemetry=system.telemetry,
    )
    face_analyser: providers.Provider[FaceAnalyser] = providers.Singleton(
        _analyser, decoder=decoder
    )
    frame_analyser: providers.Provider[FaceAnalyser] = providers.Singleton(
        _analyser, decoder=frame_decoder
    )
