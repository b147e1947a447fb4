"""Settings of decoding, detection and classification."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from domain.session import MAX_FRAME_SIZE
from domain.session_config import MAX_FACE_SIZE_PX, MIN_FACE_SIZE_PX
from entrypoints.settings.group import Group, InLowerCase, PathOrHome, WebAddress, Words

_HUGGINGFACE_MODEL = "dima806/facial_emotions_image_detection"
# The last commit of that repository that changed its weights, as its history shows it.
_HUGGINGFACE_REVISION = "98c01c82b6f9066f6bbee49bf2ae6a06cce32abb"


class VisionSettings(Group):
    """Detector, classifier and decoder."""

    face_detector: Annotated[Literal["auto", "bundled", "yunet", "haar"], InLowerCase] = "auto"
    classifier: Annotated[Literal["onnx", "vit", "remote"], InLowerCase] = "onnx"

    # Decoding
    max_image_megapixels: float = Field(default=50.0, gt=0, le=500)
    max_image_memory_mb: int = Field(default=136, ge=64, le=100_000)
    max_image_seconds: float = Field(default=4.0, ge=0.5, le=60)
    pixels_in_work_mb: int = Field(default=60, ge=60, le=100_000)
    inference_threads: int = Field(default=0, ge=0, le=64)

    # Finding faces
    face_detect_min_size: int = Field(default=64, ge=MIN_FACE_SIZE_PX, le=MAX_FACE_SIZE_PX)
    haar_scale_factor: float = Field(default=1.2, gt=1.0, le=2.0)
    haar_min_neighbors: int = Field(default=5, ge=1, le=50)
    yunet_model: PathOrHome = Path("models/face_detection_yunet.onnx")
    yunet_min_confidence: float = Field(default=0.65, ge=0, lt=1)

    # Reading emotions
    classifier_weights: PathOrHome | None = None
    huggingface_model: str = _HUGGINGFACE_MODEL
    huggingface_revision: str | None = None
    hf_endpoint: WebAddress = "https://huggingface.co"
    vit_device: Annotated[Literal["auto", "cpu", "cuda"], InLowerCase] = "auto"
    remote_classifier_url: WebAddress | None = None
    remote_classifier_model: str = Field(default="emotion", min_length=1)
    remote_classifier_version: str | None = None
    remote_classifier_labels: Words = ()
    remote_classifier_timeout_s: float = Field(default=3.0, gt=0, le=60)
    remote_classifier_batch: int = Field(default=32, ge=1, le=32)
    remote_classifier_connections: int = Field(default=8, ge=1, le=64)

    def needed(self) -> dict[str, list[str]]:
        """The settings that a remote classifier needs."""
        return {"CLASSIFIER=remote": ["remote_classifier_url"]} if self.classifies_remotely else {}

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """What only the other classifiers and detectors use."""
        of_classifiers = {
            "onnx": ("classifier_weights",),
            "vit": ("huggingface_", "vit_"),
            "remote": ("remote_classifier_",),
        }
        of_detectors = {"haar": ("haar_",), "yunet": ("yunet_",)}
        others = {
            f"CLASSIFIER={name}": fields
            for name, fields in of_classifiers.items()
            if name != self.classifier
        }
        return others | {
            f"FACE_DETECTOR={name}": fields
            for name, fields in of_detectors.items()
            if name != self.detector_choice
        }

    @property
    def classifies_remotely(self) -> bool:
        """Whether another server reads the crops."""
        return self.classifier == "remote"

    @property
    def detector_choice(self) -> str:
        """Which detector runs; ``auto`` takes the one that ships with the service."""
        return "bundled" if self.face_detector == "auto" else self.face_detector

    @property
    def checkpoint_revision(self) -> str | None:
        """Revision of the checkpoint: as asked for, or the pinned one of the default model."""
        if self.huggingface_revision is None and self.huggingface_model == _HUGGINGFACE_MODEL:
            return _HUGGINGFACE_REVISION
        return self.huggingface_revision

    @property
    def threads(self) -> int:
        """Threads for decoding, detection and classification; 0 means one per processor."""
        return self.inference_threads or os.cpu_count() or 1

    @property
    def frames_in_work(self) -> int:
        """Frames of live sessions in work at once.

        Two more than threads, so that no thread is idle between frames, or while frames wait for an
        inference server: with one more, 14 % of two processors were.
        """
        elsewhere = self.remote_classifier_connections if self.classifies_remotely else 0
        return self.threads + 2 + elsewhere

    @property
    def video_frames_at_once(self) -> int:
        """Frames of a video in work: one per thread, and one more that is read meanwhile."""
        return self.threads + 1

    @property
    def max_pixels(self) -> int:
        """Pixels an image may have."""
        return int(self.max_image_megapixels * 1_000_000)

    @property
    def max_frame_pixels(self) -> int:
        """Pixels a frame of a session may have; a larger one would delay all others."""
        return min(self.max_pixels, math.prod(MAX_FRAME_SIZE))

    @property
    def max_frame_seconds(self) -> float:
        """Seconds of a processor that decoding a frame may take, for the same reason."""
        return min(self.max_image_seconds, 1.0)

    @property
    def max_image_memory_bytes(self) -> int:
        """Bytes that decoding one image may take."""
        return self.max_image_memory_mb * 2**20

    @property
    def pixels_in_work_bytes(self) -> int:
        """Bytes that the pixels of all images in work may have together."""
        return self.pixels_in_work_mb * 2**20
