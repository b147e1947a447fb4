"""A detector whose faces a test decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from adapters.in_memory.controllable import Controllable
from adapters.in_memory.scene import Scene
from application.ports.face_detector import WantedFaces
from application.work.priority import Priority
from domain.face import BoxFraming, FaceDetection
from domain.image import Image


class InMemoryFaceDetector(Controllable):
    """Finds the faces that a fake image holds, or always the faces it was given.

    Attributes:
        runs: how often it ran.
        last_fit_within: of the last call.
    """

    name = "in-memory"
    version = "1"
    measured: Mapping[str, object] = MappingProxyType({})
    framing = BoxFraming()

    def __init__(self) -> None:
        super().__init__()
        self._script: tuple[FaceDetection, ...] | None = None
        self.runs = 0
        self.last_fit_within: tuple[int, int] | None = None

    def find_always(self, *faces: FaceDetection) -> None:
        """Find these faces from now on, whatever the image shows."""
        self._script = faces

    async def detect(
        self,
        image: Image,
        wanted: WantedFaces,
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Find the faces, largest first and clipped to the image."""
        await self._wait_or_fail()
        self.runs += 1
        self.last_fit_within = wanted.fit_within
        found = []
        for face in self._script if self._script is not None else _shown_in(image):
            box = face.box.clipped_to(image.width, image.height)
            if box is None or box.longer_side < wanted.min_size_px:
                continue
            if face.confidence >= wanted.min_confidence:
                found.append(replace(face, box=box))
        return sorted(found, key=lambda face: -face.box.area)


def _shown_in(image: Image) -> tuple[FaceDetection, ...]:
    if not isinstance(image.pixels, Scene):
        return ()
    return tuple(FaceDetection(face.box, confidence=0.9) for face in image.pixels.faces)
