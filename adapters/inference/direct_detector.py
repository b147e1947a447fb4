"""The common base of the face detectors that run on the executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from adapters.inference.executor import WorkExecutor
from application.ports.face_detector import WantedFaces
from application.work.priority import Priority
from domain.face import FaceDetection
from domain.image import Image


class DirectFaceDetector(ABC):
    """Fulfils the methods of ``FaceDetector`` for detectors that work on the calling thread.

    Args:
        executor: where detection runs.

    Attributes:
        can_follow: see the port; a detector that sets it overrides ``follow_now``.
    """

    can_follow = False

    def __init__(self, executor: WorkExecutor) -> None:
        self._executor = executor

    async def detect(
        self,
        image: Image,
        wanted: WantedFaces,
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Find the faces of an image; see the port."""
        return await self._executor.run(self.detect_now, image, wanted, priority=priority)

    async def follow(
        self,
        image: Image,
        expected: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        """Look for faces where they are expected; see the port."""
        return await self._executor.run(self.follow_now, image, expected, priority=priority)

    @abstractmethod
    def detect_now(self, image: Image, wanted: WantedFaces) -> list[FaceDetection]:
        """Find the faces on the calling thread; see the port."""

    def follow_now(self, image: Image, expected: Sequence[FaceDetection]) -> list[FaceDetection]:
        """Look for faces where they are expected, on the calling thread; see the port."""
        raise NotImplementedError(f"{type(self).__name__} cannot follow faces")
