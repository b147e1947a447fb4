"""A checkpoint as one torch module, from face crops to the emotions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification
from transformers.utils import logging as transformers_logging

from adapters.inference.labels import outputs_of_emotions
from adapters.vit.checkpoint import CheckpointFiles, in_short
from application.errors import InferenceUnavailable

_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The preprocessing of a checkpoint: resize, cut out the middle, scale each channel.

    Attributes:
        width: to which the image is resized, in pixels.
        height: likewise.
        top: first row of the part the network sees.
        left: first column of it.
        rows: of the part the network sees.
        columns: likewise.
        slope: a channel's value is multiplied by it, float32 (3,).
        offset: and this is added, float32 (3,).
    """

    width: int
    height: int
    top: int
    left: int
    rows: int
    columns: int
    slope: NDArray[np.float32]
    offset: NDArray[np.float32]

    def apply(self, faces: torch.Tensor) -> torch.Tensor:
        """Prepare float32 N x 3 x height x width, RGB in 0..255, for the network."""
        seen = faces[:, :, self.top : self.top + self.rows, self.left : self.left + self.columns]
        slope = torch.from_numpy(self.slope).to(faces.device).reshape(3, 1, 1)
        offset = torch.from_numpy(self.offset).to(faces.device).reshape(3, 1, 1)
        return seen * slope + offset


class EmotionNetwork(torch.nn.Module):
    """Preprocessing, checkpoint and label mapping as one module.

    It maps float32 N x 3 x height x width, RGB in 0..255, to logits float32 N x emotions in the
    order of ``Emotion``: their softmax is the checkpoint's own distribution, with the probabilities
    of labels for the same emotion added, and those of labels left out shared among the rest.
    """

    def __init__(
        self,
        checkpoint: torch.nn.Module,
        preprocessing: Preprocessing,
        outputs: tuple[tuple[int, ...], ...],
    ) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.preprocessing = preprocessing
        self._outputs = outputs

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """Score a batch."""
        pixels = self.preprocessing.apply(faces)
        dtype = next(self.checkpoint.parameters()).dtype
        logits = self.checkpoint(pixel_values=pixels.to(dtype)).logits.float()
        return torch.stack(
            [torch.logsumexp(logits[:, list(group)], dim=1) for group in self._outputs], dim=1
        )


def load_network(
    files: CheckpointFiles, *, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> EmotionNetwork:
    """Load a checkpoint and its preprocessing from this machine; never downloads.

    Raises:
        InferenceUnavailable: files are missing or damaged, or do not make a classifier.
    """
    transformers_logging.disable_progress_bar()
    folder = str(files.folder)
    try:
        processor = _processor(files.folder)
        checkpoint, loading = AutoModelForImageClassification.from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # The library's exceptions have no common base class.
        raise InferenceUnavailable(
            f"the checkpoint {files.name} cannot be loaded: {in_short(error)}"
        ) from error
    if missing := sorted(loading["missing_keys"]):
        # The library would continue with random weights.
        raise InferenceUnavailable(
            f"the checkpoint {files.name} lacks weights: {', '.join(missing[:3])}"
        )
    network = EmotionNetwork(
        checkpoint, _preprocessing(processor, files.name), outputs_of_emotions(files.labels)
    )
    return network.to(device).eval()


def _processor(folder: Path) -> Any:
    """The checkpoint's image processor."""
    options: dict[str, Any] = {"backend": "pil", "local_files_only": True}
    file = folder / "preprocessor_config.json"
    stated = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    former = str(stated.get("image_processor_type", ""))
    if not former.endswith("FeatureExtractor"):
        return AutoImageProcessor.from_pretrained(str(folder), **options)
    # Older checkpoints name a class that the library has renamed. It then picks a class by the kind
    # of network, which need not be the intended one.
    config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    processor = AutoImageProcessor.from_pretrained(str(folder), config=config, **options)
    found = type(processor).__name__
    if not found.startswith(former.replace("FeatureExtractor", "ImageProcessor")):
        raise ValueError(f"its preprocessor_config.json asks for {former}, and there is {found}")
    return processor


def _preprocessing(processor: Any, name: str) -> Preprocessing:
    """Find out what a processor does by running it on test images.

    Processors have settings that mean different things. So a black and a white image show how it
    changes values, and an image of noise proves that it does nothing else.
    """
    for width, height in _sizes(processor):
        black, white, noise = (
            _process(processor, _test_image(kind, width, height)) for kind in _KINDS
        )
        rows, columns = black.shape[1:]
        offset = black.mean(axis=(1, 2))
        found = Preprocessing(
            width=width,
            height=height,
            top=(height - rows) // 2,
            left=(width - columns) // 2,
            rows=rows,
            columns=columns,
            slope=(white.mean(axis=(1, 2)) - offset) / np.float32(255),
            offset=offset,
        )
        image = torch.from_numpy(_test_image("noise", width, height)).permute(2, 0, 1).float()
        ours = found.apply(image[None])[0].numpy()
        if ours.shape == noise.shape and np.abs(ours - noise).max() <= _TOLERANCE:
            return found
    raise InferenceUnavailable(
        f"the checkpoint {name} prepares images in a way that is not supported "
        f"({type(processor).__name__}): only resizing, cutting out the middle and scaling are"
    )


_KINDS = ("black", "white", "noise")


def _test_image(kind: str, width: int, height: int) -> NDArray[np.uint8]:
    if kind == "noise":
        noise = np.random.default_rng(0)
        return noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.full((height, width, 3), 255 if kind == "white" else 0, dtype=np.uint8)


def _process(processor: Any, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = processor(images=Image.fromarray(image), return_tensors="np")["pixel_values"]
    return np.asarray(pixels[0], dtype=np.float32)


def _sizes(processor: Any) -> list[tuple[int, int]]:
    """Sizes, width and height, to which a processor may resize a square image."""
    size = dict(processor.size)
    if size.get("height") and size.get("width"):
        return [(size["width"], size["height"])]
    side = size.get("shortest_edge")
    if not side:
        return []
    sides = [side]
    if share := getattr(processor, "crop_pct", None):
        # ConvNeXt and similar networks resize to a larger square and keep this share of its middle.
        sides.append(int(side / share))
    return [(side, side) for side in sides]
