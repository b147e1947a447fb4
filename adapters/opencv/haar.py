"""Finding faces with OpenCV's own Haar cascades: no model file to fetch."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import cv2.data
import numpy as np
from numpy.typing import NDArray

from adapters.inference.executor import WorkExecutor
from adapters.opencv.view import DetectionView, keep_faces
from application.errors import InferenceUnavailable
from application.work import Priority
from domain.face import FaceDetection
from domain.image import Image

_FRONTAL = "haarcascade_frontalface_default.xml"
# The cascade's window is 24 pixels; a face needs a little more to be seen at several scales.
_SMALLEST_FACE = 32
_LARGEST_SIDE = 1280
_USUAL_SIDE = 640


class HaarFaceDetector:
    """Fulfils the port ``FaceDetector`` with the cascades that ship with OpenCV.

    P. Viola, M. Jones, "Rapid object detection using a boosted cascade of simple features",
    CVPR 2001.
    """

    name = "Haar cascade"
    version = f"OpenCV {cv2.__version__}"

    def __init__(
        self, *, executor: WorkExecutor, scale_factor: float = 1.1, min_neighbors: int = 5
    ) -> None:
        """Load the cascades.

        Args:
            executor: where detection runs.
            scale_factor: step between the sizes that are looked for; above 1.
            min_neighbors: how many neighbouring windows have to agree on a face.

        Raises:
            InferenceUnavailable: OpenCV was installed without its cascades.
        """
        self._executor = executor
        self._scale_factor = scale_factor
        self._min_neighbors = min_neighbors
        self._per_thread = threading.local()
        _load(_FRONTAL)

    async def detect(
        self,
        image: Image,
        *,
        min_size_px: int,
        min_confidence: float = 0.0,
        fit_within: tuple[int, int] | None = None,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Find the faces of an image; see the port."""
        return await self._executor.run(
            self._detect, image, min_size_px, min_confidence, fit_within, priority=priority
        )

    def _detect(
        self,
        image: Image,
        min_size_px: int,
        min_confidence: float,
        fit_within: tuple[int, int] | None,
    ) -> list[FaceDetection]:
        longer_side = max(image.width, image.height)
        side = max(_USUAL_SIDE, longer_side * _SMALLEST_FACE / max(min_size_px, 1))
        ratio = min(side, _LARGEST_SIDE) / longer_side
        view = DetectionView.of(image, ratio=ratio, fit_within=fit_within)
        gray = cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY)
        smallest = max(int(min_size_px * view.ratio_x), 1)
        boxes, weights = self._search(gray, smallest)
        found = [
            FaceDetection(view.box(*box), _confidence(weight))
            for box, weight in zip(boxes, weights, strict=True)
        ]
        return keep_faces(found, image, min_size_px=min_size_px, min_confidence=min_confidence)

    def _search(
        self, gray: NDArray[np.uint8], smallest: int
    ) -> tuple[list[list[int]], list[float]]:
        try:
            boxes, _, weights = self._cascade_of_thread().detectMultiScale3(
                gray,
                scaleFactor=self._scale_factor,
                minNeighbors=self._min_neighbors,
                minSize=(smallest, smallest),
                outputRejectLevels=True,
            )
        except cv2.error as error:
            raise InferenceUnavailable("the face detector failed") from error
        return np.asarray(boxes).tolist(), np.ravel(weights).tolist()

    def _cascade_of_thread(self) -> cv2.CascadeClassifier:
        # A cascade keeps the picture it works on, so threads cannot share one.
        if not hasattr(self._per_thread, "cascade"):
            self._per_thread.cascade = _load(_FRONTAL)
        cascade: cv2.CascadeClassifier = self._per_thread.cascade
        return cascade


def _load(name: str) -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / name
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else cv2.CascadeClassifier()
    if cascade.empty():
        raise InferenceUnavailable(f"the cascade {name} is missing from this OpenCV")
    return cascade


def _confidence(weight: float) -> float:
    return 1 / (1 + math.exp(-weight))
