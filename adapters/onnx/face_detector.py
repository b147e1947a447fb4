"""Finding faces with a network from an ONNX file, the bundled one among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.direct_detector import DirectFaceDetector
from adapters.inference.executor import WorkExecutor
from adapters.inference.view import DetectionView, FaceSizes, keep_faces, scales_of
from adapters.onnx.face_candidates import NUMBERS, FaceCandidates, candidates_of
from adapters.onnx.face_refiner import FaceRefiner
from adapters.onnx.network import BUNDLED, OnnxNetwork
from application.errors import InferenceUnavailable
from application.ports.face_detector import WantedFaces
from domain.face import BOX_ITSELF, BoxFraming, FaceDetection, FaceLandmarks
from domain.image import Image

INPUT = "pixels"
OUTPUT = "cells"

_NOT_MEASURED = frozenset(
    {"name", "version", "strides", "iou", "refiner", "file_sha256", "file_bytes"}
)
# Of the wanted size; the refiner's box may be larger than the first one.
_SMALLEST_SHARE = 0.7
_SIZES = FaceSizes(
    smallest=20,
    easy=32,
    largest=220,
    usual_sides=(384, 640),
    session_side=320,
    overview_side=128,
    border=0.25,
)


class OnnxFaceDetector(DirectFaceDetector):
    """Fulfils the port ``FaceDetector`` with a network on ONNX Runtime, one thread per call.

    The network reads ``pixels``, uint8, N x 3 x height x width, RGB, sides of whole multiples of
    its largest stride, and answers ``cells``, float32, N x 15 x cells: the cells of each stride one
    after the other, row by row. Each cell holds the log-odds of a face, the logarithms of the
    distances from the cell's centre to the left, upper, right and lower side of the box, and five
    points (the person's right eye, left eye, nose, right and left corner of the mouth) as offsets
    from that centre, all in strides. A JSON file of the same name beside it holds ``name``,
    ``version``, ``strides``, ``threshold`` (the least confidence that makes a face), ``iou`` (from
    which on two boxes are one face), ``file_sha256`` (of the weights) and the measurements, and
    optionally ``framing``: ``side`` and ``drop`` of a ``BoxFraming``, and ``refiner``: the file, in
    the same folder, of the network that looks at each box again (``FaceRefiner``).
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        weights: Path | None = None,
    ) -> None:
        """Load the network.

        Args:
            executor: where detection runs.
            weights: an ONNX file with its JSON file beside it; None takes the bundled one.

        Raises:
            InferenceUnavailable: a file is missing, damaged or another kind of network, or the two
                do not belong together.
        """
        super().__init__(executor)
        self._network = OnnxNetwork.load(
            weights or BUNDLED / "face.onnx",
            reads=INPUT,
            answers=OUTPUT,
            facts=("strides", "threshold", "iou"),
        )
        facts = self._network.facts
        try:
            self._strides = [int(stride) for stride in facts["strides"]]
            self._threshold = float(facts["threshold"])
            self._iou = float(facts["iou"])
            self.framing = _framing(facts)
        except (KeyError, TypeError, ValueError) as error:
            raise InferenceUnavailable(
                f"{self._network.path.with_suffix('.json').name}: strides, threshold, iou and "
                f"framing cannot be used: {error}"
            ) from error
        if not (0 < self._threshold < 1 and 0 < self._iou < 1):
            raise InferenceUnavailable(
                f"{self._network.path.with_suffix('.json').name}: threshold or iou is out of range"
            )
        self._check()
        self._refiner = (
            FaceRefiner(self._network.path.with_name(str(facts["refiner"])))
            if "refiner" in facts
            else None
        )
        self.can_follow = self._refiner is not None
        self.name = str(facts["name"])
        self.version = str(facts["version"])
        self.measured: Mapping[str, object] = {
            key: value for key, value in facts.items() if key not in _NOT_MEASURED
        }

    def detect_now(self, image: Image, wanted: WantedFaces) -> list[FaceDetection]:
        """Find the faces on the calling thread; see the port."""
        found: list[FaceDetection] = []
        for views in scales_of(image, wanted, _SIZES):
            all_candidates = [self._candidates(view) for view in views]
            for view, candidates in zip(views, all_candidates, strict=True):
                found += self._faces(view, candidates, wanted.min_size_px)
            if not self._may_miss_larger(all_candidates):
                break
        return keep_faces(found, image, wanted)

    def follow_now(self, image: Image, expected: Sequence[FaceDetection]) -> list[FaceDetection]:
        """Ask the refiner about the faces, on the calling thread; see the port."""
        assert self._refiner is not None
        view = DetectionView.of(image, ratio=image.scale)
        found = self._refiner.follow(view.pixels, _known(view, expected))
        return keep_faces(_faces(view, found), image, WantedFaces(min_size_px=0))

    def _check(self) -> None:
        """Run the network on a blank image and check its output."""
        side = 2 * max(self._strides)
        cells = sum((side // stride) ** 2 for stride in self._strides)
        answer = self._network.run(np.zeros((1, 3, side, side), np.uint8)).shape
        if answer != (1, NUMBERS, cells):
            raise InferenceUnavailable(
                f"{self._network.path.name} must answer {NUMBERS} numbers for each of {cells} "
                f"cells for {side} x {side} pixels; it answers {answer}"
            )

    def _faces(
        self, view: DetectionView, found: FaceCandidates, min_size_px: int
    ) -> list[FaceDetection]:
        # Only boxes that count are looked at again: not those that another view shows better, and
        # not those far below the wanted size, of which there are many.
        least = _SMALLEST_SHARE * min_size_px * min(view.ratio_x, view.ratio_y)
        rectangles = found.rectangles.tolist()
        counts = [view.holds(*each) and max(each[2:]) >= least for each in rectangles]
        found = found[np.array(counts, bool)]
        if self._refiner is not None:
            found = self._refiner.refine(view.pixels, found)
        return _faces(view, found[found.confidences >= self._threshold])

    def _may_miss_larger(self, all_candidates: Sequence[FaceCandidates]) -> bool:
        """Whether a coarser view may show faces that these candidates of one scale do not.

        A face that is too large is a doubtful box of some size here, or nothing is found at all: on
        1,900 images, a thousand of them cut at a face, leaving out other coarser views lost no box.
        """
        is_sure = any((found.confidences >= self._threshold).any() for found in all_candidates)
        largest = max(found.rectangles[:, 2:].max(initial=0) for found in all_candidates)
        return not is_sure or bool(largest > _SIZES.largest / 2)

    def _candidates(self, view: DetectionView) -> FaceCandidates:
        planes = planes_of(view.pixels, self._strides[-1])
        return candidates_of(
            self._network.run(planes[np.newaxis])[0],
            (planes.shape[1], planes.shape[2]),
            self._strides,
            least=min(self._threshold, self._refiner.least if self._refiner else 1.0),
            iou=self._iou,
        )


def planes_of(pixels: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """An image as the network reads it: one plane a channel, black on the right and below.

    Args:
        pixels: uint8, height x width x 3.
        multiple: what the sides of the planes are whole multiples of.

    Returns:
        uint8, 3 x height x width.
    """
    height, width = pixels.shape[:2]
    planes = np.zeros((3, height + -height % multiple, width + -width % multiple), np.uint8)
    cv2.split(pixels, [plane[:height, :width] for plane in planes])
    return planes


def _framing(facts: Mapping[str, Any]) -> BoxFraming:
    framing = facts.get("framing")
    return (
        BOX_ITSELF
        if framing is None
        else BoxFraming(float(framing["side"]), float(framing["drop"]))
    )


def _known(view: DetectionView, faces: Sequence[FaceDetection]) -> FaceCandidates:
    """Faces of the original in pixels of a view, without landmarks."""
    corners = [(face.box.x, face.box.y, face.box.right, face.box.bottom) for face in faces]
    scale = (view.ratio_x, view.ratio_y) * 2
    return FaceCandidates(
        np.array([face.confidence for face in faces], np.float32),
        np.asarray(np.array(corners) * scale, np.float32),
        np.zeros((len(faces), 5, 2), np.float32),
    )


def _faces(view: DetectionView, found: FaceCandidates) -> list[FaceDetection]:
    """Candidates of a view in pixels of the original."""
    return [
        FaceDetection(
            box=view.box(*box),
            confidence=min(max(confidence, 0.0), 1.0),
            # The person's right eye is the viewer's left one.
            landmarks=FaceLandmarks(*(view.point(x, y) for x, y in points)),
        )
        for box, confidence, points in zip(
            found.rectangles.tolist(),
            found.confidences.tolist(),
            found.landmarks.tolist(),
            strict=True,
        )
    ]
