"""Models on the command line: downloading, converting and measuring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.inference.evaluation import (
    evaluate,
    evaluate_shifts,
    read_labelled_faces,
    shifted_readings,
)
from adapters.inference.face_evaluation import evaluate_detector
from adapters.inference.labelled_images import read_labelled_images
from adapters.onnx.triton import write_triton_repository
from adapters.opencv.yunet_file import YuNetFile
from application.errors import InferenceUnavailable
from entrypoints.container.extras import extra
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from adapters.vit.checkpoint import HuggingFaceCheckpoint
    from adapters.vit.export import CheckpointExport


def _checkpoint(*, model: str, revision: str | None, endpoint: str) -> HuggingFaceCheckpoint:
    with extra("vit", "checkpoints need", InferenceUnavailable):
        from adapters.vit.checkpoint import HuggingFaceCheckpoint
    return HuggingFaceCheckpoint(model=model, revision=revision, endpoint=endpoint)


def _checkpoint_export(checkpoint: HuggingFaceCheckpoint) -> CheckpointExport:
    with extra("vit", "checkpoints need", InferenceUnavailable):
        from adapters.vit.export import CheckpointExport
    return CheckpointExport(checkpoint=checkpoint)


class ModelsContainer(containers.DeclarativeContainer):
    """The parts for ``emotion-api models``."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.vision
    vision = providers.DependenciesContainer()

    checkpoint = providers.Factory(
        _checkpoint,
        model=config.huggingface_model,
        revision=config.checkpoint_revision,
        endpoint=config.hf_endpoint,
    )
    checkpoint_export = providers.Factory(_checkpoint_export, checkpoint=checkpoint)
    triton_repository = providers.Callable(write_triton_repository, vision.onnx_crop_classifier)
    yunet_file = providers.Factory(YuNetFile, path=config.yunet_model, endpoint=config.hf_endpoint)

    read_labelled_faces = providers.Callable(read_labelled_faces)
    evaluation = providers.Callable(evaluate, vision.crop_classifier)
    shift_metrics = providers.Callable(evaluate_shifts, vision.crop_classifier)
    shifted_readings = providers.Callable(shifted_readings)
    read_labelled_images = providers.Callable(read_labelled_images)
    detector_evaluation = providers.Callable(
        evaluate_detector, vision.face_detector, vision.decoder
    )
