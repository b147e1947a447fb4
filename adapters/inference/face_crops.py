"""The crops of an image's faces, and the readings that come of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec, cut_crop
from adapters.inference.quality import measure_quality
from domain.emotion import EmotionScores
from domain.face import BoxFraming, FaceDetection, FaceQuality, FaceReading, ReliabilityThresholds
from domain.image import Image


@dataclass(frozen=True, slots=True)
class FaceCrops:
    """The crops of some faces of one image.

    Attributes:
        pixels: uint8, N x height x width x channels.
        qualities: of each crop.
    """

    pixels: NDArray[np.uint8]
    qualities: tuple[FaceQuality, ...]

    @classmethod
    def cut(
        cls, image: Image, faces: Sequence[FaceDetection], spec: CropSpec, framing: BoxFraming
    ) -> FaceCrops:
        """Cut the crops of one or more faces and measure how good they are.

        Args:
            image: with a uint8 RGB buffer.
            faces: at least one, in the original's pixels.
            spec: which crops the classifier reads.
            framing: of the detector that found the faces.
        """
        crops = [cut_crop(image, face, spec, framing) for face in faces]
        qualities = map(measure_quality, crops, faces)
        return cls(np.stack(crops), tuple(qualities))

    def readings(
        self, scores: Sequence[EmotionScores], thresholds: ReliabilityThresholds
    ) -> list[FaceReading]:
        """Join each crop with its scores; the thresholds decide whether it is reliable."""
        return [
            FaceReading(emotions, quality, thresholds.accept(quality, emotions))
            for emotions, quality in zip(scores, self.qualities, strict=True)
        ]
