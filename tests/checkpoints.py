"""Tiny checkpoints with random weights, saved like real ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SIDE = 32
# The order of the default checkpoint of the service.
LABELS = ("sad", "disgust", "angry", "neutral", "fear", "surprise", "happy")


def id2label(labels: Sequence[str]) -> dict[str, Any]:
    """The label entries of a configuration."""
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def write_checkpoint(
    folder: Path,
    labels: Sequence[str] = LABELS,
    processor: Mapping[str, Any] | None = None,
) -> Path:
    """Save a vision transformer whose answers differ between images."""
    torch.manual_seed(7)
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=SIDE,
        patch_size=8,
        **id2label(labels),
    )
    model = ViTForImageClassification(config)
    sharpen(model)
    save(folder, model)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}, **(processor or {})).save_pretrained(
        folder
    )
    return folder


def sharpen(model: PreTrainedModel) -> None:
    """Scale the weights up: fresh ones give nearly the same answer for every image."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight") and parameter.ndim > 1:
                parameter.mul_(8)


def save(folder: Path, model: PreTrainedModel) -> None:
    """Save without a progress bar."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
