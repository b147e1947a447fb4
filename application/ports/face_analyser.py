"""From an encoded image to read faces, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from application.ports.face_detector import WantedFaces
from application.work.priority import Priority
from domain.face import Face, FaceDetection
from domain.image import Image


class FaceSearch(Protocol):
    """Decides which faces of an image are read.

    For an image its methods are called once each, in this order, on any thread. They must be quick
    and must not wait.

    Attributes:
        min_side_px: the image may be decoded at reduced scale while its longer side keeps this
            many pixels; None leaves that to the decoder.
    """

    @property
    def min_side_px(self) -> int | None:  # noqa: D102 (above)
        ...

    def expected(self, image: Image) -> Sequence[FaceDetection]:
        """Faces that need only be followed, see ``FaceDetector.follow``; empty if there are none.

        Args:
            image: the decoded image.
        """
        ...

    def wanted(self, followed: Sequence[FaceDetection] | None) -> WantedFaces | None:
        """What the detector has to find in the whole image; None if it need not search it.

        Args:
            followed: those of the expected faces that are there; None if none was expected, or the
                detector cannot follow faces.
        """
        ...

    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        """The faces to read.

        Args:
            image: the decoded image.
            found: by searching, or else by following, largest first; empty if neither was done.
        """
        ...


@dataclass(frozen=True, slots=True)
class AnalysedImage:
    """What an image shows.

    Attributes:
        width: of the original in pixels, EXIF orientation applied.
        height: likewise.
        media_type: by its content.
        faces: those that the search chose, in its order.
    """

    width: int
    height: int
    media_type: str
    faces: tuple[Face, ...]


class FaceAnalyser(Protocol):
    """Decodes an image, finds its faces and reads their emotions."""

    @property
    def way(self) -> str:
        """How it goes about that, for people: "as one job" or "step by step"."""
        ...

    async def analyse(
        self,
        data: bytes,
        search: FaceSearch,
        *,
        priority: Priority = Priority.INTERACTIVE,
        sender: str = "",
    ) -> AnalysedImage:
        """Analyse one image.

        Args:
            data: the encoded image.
            search: decides which of its faces are read.
            priority: decides the order when processors are busy.
            sender: of the image; see ``ImageDecoder.decode``.

        Raises:
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see ``ImageDecoder.decode``.
            InferenceUnavailable: decoder, detector or classifier cannot run.
        """
        ...
