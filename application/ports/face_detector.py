"""Finding faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.work.priority import Priority
from domain.face import BoxFraming, FaceDetection
from domain.image import Image


@dataclass(frozen=True, slots=True)
class WantedFaces:
    """Which faces of an image are to be found.

    Attributes:
        min_size_px: of the longer side, in the original's pixels (some detectors draw squares,
            others boxes as tall but narrower).
        min_confidence: in [0, 1].
        also_from_px: smaller faces from this size on are wanted too, as known ones may be among
            them, but the image is not looked at more closely for them; None for no smaller ones.
        fit_within: scale the image down to fit into this width and height in pixels, keeping its
            proportions; never scaled up. None leaves the choice to the detector.
    """

    min_size_px: int
    min_confidence: float = 0.0
    fit_within: tuple[int, int] | None = None
    also_from_px: int | None = None

    @property
    def least_size_px(self) -> int:
        """The least size of a face that is wanted if it is found."""
        return self.min_size_px if self.also_from_px is None else self.also_from_px


class FaceDetector(Protocol):
    """Finds faces in an image. It does not identify them.

    A detector that extends ``DirectFaceDetector`` (in ``adapters/inference``) becomes part of the
    one job in which an image is decoded, searched and read. With any other, these are steps that
    wait for each other, which is slower. The log says at the start which it is.
    """

    @property
    def name(self) -> str:
        """The technology and the model, for people."""
        ...

    @property
    def version(self) -> str:
        """Of the model or the library it ships in."""
        ...

    @property
    def measured(self) -> Mapping[str, object]:
        """Recall, false boxes, calibration and on which data; empty if not measured."""
        ...

    @property
    def framing(self) -> BoxFraming:
        """How its boxes lie around faces."""
        ...

    @property
    def can_follow(self) -> bool:
        """Whether it can look at single places; ``follow`` is not called otherwise."""
        ...

    async def detect(
        self,
        image: Image,
        wanted: WantedFaces,
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Find the faces of an image.

        Args:
            image: as the decoder made it.
            wanted: which of its faces.
            priority: decides the order when processors are busy.

        Returns:
            Largest face first, at most 500, boxes in the original's pixels and clipped to it, no
            two boxes for one face; empty if there is none.

        Raises:
            InferenceUnavailable: the detector cannot run.
        """
        ...

    async def follow(
        self,
        image: Image,
        expected: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Look for faces only where they are expected, at a fraction of the cost of a search.

        Args:
            image: as the decoder made it.
            expected: at least one face, as it was last seen, but with the box where it should be
                now, in the image's pixels; it may reach over the edge.
            priority: decides the order when processors are busy.

        Returns:
            Those that are there, largest first, with new boxes (clipped, no two for one face) and
            the confidence from before.

        Raises:
            InferenceUnavailable: the detector cannot run.
        """
        ...
