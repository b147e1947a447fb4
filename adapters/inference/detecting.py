"""The common base of the face detectors that run on the executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from adapters.inference.executor import WorkExecutor
from application.work import Priority
from domain.face import FaceDetection
from domain.image import Image


class ExecutorFaceDetector(ABC):
    """Fulfils the method of ``FaceDetector`` for detectors that search on the calling thread.

    Args:
        executor: where detection runs.
    """

    def __init__(self, executor: WorkExecutor) -> None:
        self._executor = executor

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
            self.detect_now, image, min_size_px, min_confidence, fit_within, priority=priority
        )

    @abstractmethod
    def detect_now(
        self,
        image: Image,
        min_size_px: int,
        min_confidence: float,
        fit_within: tuple[int, int] | None,
    ) -> list[FaceDetection]:
        """Find the faces on the calling thread; see the port."""
