"""Finding faces with YuNet."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.direct_detector import DirectFaceDetector
from adapters.inference.executor import WorkExecutor
from adapters.inference.view import DetectionView, FaceSizes, keep_faces, views_of
from application.errors import InferenceUnavailable
from application.ports.face_detector import WantedFaces
from domain.face import BoxFraming, FaceDetection, FaceLandmarks
from domain.image import Image

# YuNet finds faces from about 15 pixels, and reliably from 24. In a live session the next frame
# follows soon, and a quarter of the pixels takes a quarter of the time.
_SIZES = FaceSizes(
    smallest=20,
    easy=20,
    largest=300,
    usual_sides=(640, 640),
    session_side=320,
    overview_side=160,
    border=0.25,
)
_OVERLAP = 0.3
_MAX_CANDIDATES = 5000
# Side of the blank image used to check that a network is a YuNet model.
_TRIAL_SIDE = 64


class YuNetFaceDetector(DirectFaceDetector):
    """Fulfils the port ``FaceDetector`` with OpenCV's ``FaceDetectorYN``.

    W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence
    Research 20, 2023. The model file comes from the repository opencv/face_detection_yunet.
    """

    name = "YuNet"
    measured: Mapping[str, object] = MappingProxyType({})
    framing = BoxFraming()

    def __init__(self, *, executor: WorkExecutor, model: Path, min_confidence: float) -> None:
        """Load the model.

        Args:
            executor: where detection runs.
            model: the ONNX file; its input size must be free, as in the 2026 edition and later.
            min_confidence: only candidates above it are faces; in [0, 1), because no confidence is
                above 1.

        Raises:
            InferenceUnavailable: the file is missing or is not a YuNet model.
        """
        super().__init__(executor)
        self._model = model
        self._min_confidence = min_confidence
        self._per_thread = threading.local()
        try:
            digest = hashlib.sha256(model.read_bytes()).hexdigest()
        except OSError as error:
            raise InferenceUnavailable(f"the YuNet model {model.name} cannot be read") from error
        self.version = f"{model.stem} {digest[:12]}"
        try:
            # OpenCV loads any network, and uses YuNet's outputs only when it searches for faces.
            _search(self._load(), np.zeros((_TRIAL_SIDE, _TRIAL_SIDE, 3), np.uint8))
        except cv2.error as error:
            raise InferenceUnavailable(f"{model.name} is not a YuNet model") from error

    def detect_now(self, image: Image, wanted: WantedFaces) -> list[FaceDetection]:
        """Find the faces on the calling thread; see the port."""
        views = views_of(image, wanted, _SIZES)
        detector = self._detector_of_thread()
        try:
            found = [
                _face(row, view)
                for view in views
                for row in _search(detector, view.pixels)
                if view.holds(*row[:4])
            ]
        except cv2.error as error:
            raise InferenceUnavailable("the face detector failed") from error
        return keep_faces(found, image, wanted)

    def _detector_of_thread(self) -> cv2.FaceDetectorYN:
        # A detector remembers its input size, so threads cannot share one.
        if not hasattr(self._per_thread, "detector"):
            self._per_thread.detector = self._load()
        detector: cv2.FaceDetectorYN = self._per_thread.detector
        return detector

    def _load(self) -> cv2.FaceDetectorYN:
        return cv2.FaceDetectorYN.create(
            str(self._model),
            "",
            (_TRIAL_SIDE, _TRIAL_SIDE),
            self._min_confidence,
            _OVERLAP,
            _MAX_CANDIDATES,
        )


def _search(detector: cv2.FaceDetectorYN, pixels: NDArray[np.uint8]) -> list[list[float]]:
    height, width = pixels.shape[:2]
    detector.setInputSize((width, height))
    _, rows = detector.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if rows is None:
        return []
    # On an image of a few pixels it returns boxes of infinite size.
    sound: list[list[float]] = rows[np.isfinite(rows).all(axis=1)].tolist()
    return sound


def _face(row: list[float], view: DetectionView) -> FaceDetection:
    # Fifteen numbers: the box, five points (YuNet's "right" is the person's), the score.
    points = [view.point(x, y) for x, y in zip(row[4:14:2], row[5:14:2], strict=True)]
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    return FaceDetection(
        box=view.box(*row[:4]),
        confidence=min(max(row[14], 0.0), 1.0),
        landmarks=FaceLandmarks(left_eye, right_eye, nose, left_mouth, right_mouth),
    )
