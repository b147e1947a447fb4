"""A classifier of crops from any image-classification checkpoint of the transformers library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.vit.checkpoint import HuggingFaceCheckpoint
from adapters.vit.network import load_network
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from domain.emotion import Emotion


class VitCropClassifier:
    """A vision transformer or another image classifier, on CPU or CUDA.

    It runs in bfloat16 if the processor supports it (a third of the time of float32, see
    ``docs/benchmarks.md``) and in float32 otherwise.

    Attributes:
        card: what is known about the network.
        crop_spec: which crops it reads.
    """

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        device: str = "auto",
        cache: Path | None = None,
    ) -> None:
        """Load the checkpoint from this machine and run it once.

        Args:
            model: a folder, or the id of a repository that was downloaded before.
            revision: of that repository.
            device: ``cpu``, ``cuda``, or ``auto`` for CUDA where there is one.
            cache: folder of downloaded repositories; None for the library's default.

        Raises:
            InferenceUnavailable: the checkpoint or the device is missing or cannot be used.
        """
        files = HuggingFaceCheckpoint(model=model, revision=revision, cache=cache).find()
        # One thread per call: the calls run in parallel on the executor's threads.
        torch.set_num_threads(1)
        self._device = _device(device)
        dtype = torch.bfloat16 if computes_bfloat16(self._device) else torch.float32
        self._network = load_network(files, dtype=dtype, device=self._device)
        shown = self._network.preprocessing
        self.crop_spec = CropSpec(width=shown.width, height=shown.height, channels=3)
        self.card = ModelCard(
            name=files.name,
            version=files.version,
            labels=tuple(emotion.value for emotion in Emotion),
            input_width=shown.width,
            input_height=shown.height,
        )
        # The first run is slow, and failures should show at the start.
        try:
            self.predict(np.zeros((1, shown.height, shown.width, 3), dtype=np.uint8))
        except Exception as error:  # The checkpoint's own code may raise anything.
            raise InferenceUnavailable(
                f"the checkpoint {files.name} cannot be run: {str(error).splitlines()[0]}"
            ) from error

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score a batch of RGB crops; see ``CropClassifier``."""
        with torch.inference_mode():
            faces = torch.tensor(crops, device=self._device).permute(0, 3, 1, 2).float()
            probabilities = torch.softmax(self._network(faces), dim=1)
            return np.asarray(probabilities.cpu().numpy(), dtype=np.float32)


def computes_bfloat16(device: str) -> bool:
    """Whether the device has instructions for bfloat16, so that it is faster than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _device(asked: str) -> str:
    if asked != "cpu" and torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise InferenceUnavailable("VIT_DEVICE=cuda: torch finds no CUDA device on this machine")
    return "cpu"
