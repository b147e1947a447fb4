"""Finding faces with OpenCV's own Haar cascades, without a model file."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import cv2.data
import numpy as np

from adapters.inference.direct_detector import DirectFaceDetector
from adapters.inference.executor import WorkExecutor
from adapters.inference.view import DetectionView, FaceSizes, finest_ratio, keep_faces
from application.errors import InferenceUnavailable
from application.ports.face_detector import WantedFaces
from domain.face import BoxFraming, FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image

# The cascades' smallest window is 20 pixels: a little less than the smallest wanted face in the
# view, so that windows of several sizes can vote for it. Larger faces are found as well.
_SIZES = FaceSizes(
    smallest=26,
    easy=26,
    largest=math.inf,
    usual_sides=(320, 320),
    session_side=320,
    overview_side=320,
    border=0.1,
)
# They are slow, so the view is bounded.
_MAX_SIDE_PX = 2400
# Three passes collect more chance votes than one, so they need this many times as many.
_VOTES_FOR_THREE_PASSES = 1.4
# Windows of either cascade that overlap this much (IoU) are the same face.
_SAME_FACE = 0.4


@dataclass(frozen=True, slots=True)
class _Cascade:
    """A cascade file, and how a face box lies in its window.

    Attributes:
        file: its name in OpenCV's package.
        side: of the face box in sides of the window, so that the box spans forehead to chin.
        drop: how far the box's middle lies below the window's, in sides of the window.
    """

    file: str
    side: float
    drop: float


# The medians of YuNet's boxes for the same faces, 66 faces in 21 images.
_FRONTAL = _Cascade("haarcascade_frontalface_alt.xml", side=1.13, drop=0.012)
_PROFILE = _Cascade("haarcascade_profileface.xml", side=0.92, drop=0.035)


@dataclass(frozen=True, slots=True)
class _Sighting:
    box: BoundingBox
    votes: int


class HaarFaceDetector(DirectFaceDetector):
    """Fulfils the port ``FaceDetector`` with the cascades that ship with OpenCV.

    The frontal cascade searches every view, and in stills the profile cascade does so too, for both
    sides. Each window that matches is a vote; the votes of both cascades are added, and the box of
    a face is their mean. On the 39 images this was tuned on and their mirror images, with 66 faces
    by YuNet's count, the vote finds 53 and no false box, while the usual
    ``haarcascade_frontalface_default`` (steps of 1.1, 5 neighbours) finds 50 and 37.

    P. Viola, M. Jones, "Rapid object detection using a boosted cascade of simple features",
    CVPR 2001.
    """

    name = "Haar cascades"
    version = f"OpenCV {cv2.__version__}"
    measured: Mapping[str, object] = MappingProxyType({})
    framing = BoxFraming()

    def __init__(
        self, *, executor: WorkExecutor, scale_factor: float = 1.2, min_neighbors: int = 5
    ) -> None:
        """Load the cascades.

        Args:
            executor: where detection runs.
            scale_factor: step between the window sizes; above 1. Smaller steps cost time and give
                each face more votes.
            min_neighbors: how many votes of the frontal cascade make a face; in stills, where the
                profile cascade votes too, 1.4 times as many are needed.

        Raises:
            InferenceUnavailable: OpenCV was installed without its cascades.
        """
        super().__init__(executor)
        self._scale_factor = scale_factor
        self._min_neighbors = min_neighbors
        self._per_thread = threading.local()
        self._load_cascades()

    def detect_now(self, image: Image, wanted: WantedFaces) -> list[FaceDetection]:
        """Find the faces on the calling thread; see the port.

        The confidence is ``votes / (votes + votes needed)``: 0.5 for a face with just enough votes,
        rising towards 1. With ``fit_within``, as for live sessions, the profile cascade is left
        out: it takes three quarters of the time.
        """
        ratio = finest_ratio(image, wanted, _SIZES)
        ratio = min(ratio, _MAX_SIDE_PX / max(image.width, image.height))
        view = DetectionView.of(image, ratio=ratio)
        view = view.bordered(round(_SIZES.border * max(view.pixels.shape)))
        frontal, profile = self._cascades_of_thread()
        try:
            sightings = self._search(frontal, _FRONTAL, view)
            needed = float(self._min_neighbors)
            if wanted.fit_within is None:
                needed *= _VOTES_FOR_THREE_PASSES
                sightings += self._search(profile, _PROFILE, view)
                sightings += self._search(profile, _PROFILE, view, mirrored=True)
        except cv2.error as error:
            raise InferenceUnavailable("the face detector failed") from error
        found = [
            FaceDetection(face.box, face.votes / (face.votes + needed))
            for face in _agree(sightings)
            if face.votes >= needed
        ]
        return keep_faces(found, image, wanted)

    def _search(
        self,
        classifier: cv2.CascadeClassifier,
        cascade: _Cascade,
        view: DetectionView,
        *,
        mirrored: bool = False,
    ) -> list[_Sighting]:
        grey = cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY)
        windows, votes = classifier.detectMultiScale2(
            cv2.flip(grey, 1) if mirrored else grey,
            scaleFactor=self._scale_factor,
            minNeighbors=1,
        )
        sightings = []
        for (x, y, window, _), count in zip(windows, votes, strict=True):
            side = window * cascade.side
            left = grey.shape[1] - x - window if mirrored else x
            box = view.box(
                left + (window - side) / 2,
                y + (window - side) / 2 + window * cascade.drop,
                side,
                side,
            )
            sightings.append(_Sighting(box, int(count)))
        return sightings

    def _cascades_of_thread(self) -> tuple[cv2.CascadeClassifier, cv2.CascadeClassifier]:
        # A cascade keeps the image it works on, so threads cannot share one.
        if not hasattr(self._per_thread, "cascades"):
            self._per_thread.cascades = self._load_cascades()
        cascades: tuple[cv2.CascadeClassifier, cv2.CascadeClassifier] = self._per_thread.cascades
        return cascades

    def _load_cascades(self) -> tuple[cv2.CascadeClassifier, cv2.CascadeClassifier]:
        return _load(_FRONTAL.file), _load(_PROFILE.file)


def _load(file: str) -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / file
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else cv2.CascadeClassifier()
    if cascade.empty():
        raise InferenceUnavailable(f"the cascade {file} is missing from this OpenCV")
    return cascade


def _agree(sightings: Sequence[_Sighting]) -> list[_Sighting]:
    """Join sightings of the same face: votes are added, boxes averaged by votes."""
    groups: list[list[_Sighting]] = []
    for sighting in sorted(sightings, key=lambda each: -each.votes):
        for group in groups:
            if group[0].box.iou(sighting.box) > _SAME_FACE:
                group.append(sighting)
                break
        else:
            groups.append([sighting])
    return [_Sighting(_mean_box(group), sum(each.votes for each in group)) for group in groups]


def _mean_box(group: Sequence[_Sighting]) -> BoundingBox:
    votes = [each.votes for each in group]
    corners = [(each.box.x, each.box.y, each.box.width, each.box.height) for each in group]
    x, y, width, height = np.average(corners, axis=0, weights=votes).round().astype(int).tolist()
    return BoundingBox(x, y, width, height)
