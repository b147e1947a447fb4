"""A classifier that scores crops waiting at the same moment in one batch."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adapters.inference.executor import WorkExecutor
from adapters.inference.face_crops import FaceCrops
from adapters.inference.model import MAX_BATCH, CropClassifier, failure_of, score
from adapters.inference.quality import MEASURED_THRESHOLDS
from application.ports.emotion_classifier import ModelCard
from application.work.priority import Priority
from domain.emotion import EmotionScores
from domain.face import (
    BOX_ITSELF,
    BoxFraming,
    FaceDetection,
    FaceReading,
    ReliabilityThresholds,
)
from domain.image import Image


@dataclass(order=True, slots=True)
class _Request:
    priority: Priority
    arrival: int
    crops: NDArray[np.uint8] = field(compare=False, init=False)
    scores: Future[list[EmotionScores]] = field(compare=False, default_factory=Future)


class BatchingEmotionClassifier:
    """Fulfils the port ``EmotionClassifier`` for any ``CropClassifier``.

    Every request asks the executor for one run of the model. A run takes all the crops that wait
    when it starts, up to 32, from all callers; a run whose own request was served already ends at
    once. So no request waits for others to fill a batch: batches form while the threads are busy,
    and an idle machine starts immediately.

    Args:
        model: scores the crops.
        executor: cuts the crops, and runs the model.
        framing: of the detector that finds the faces.
        thresholds: which faces are read reliably.
        calls: runs the model in place of ``executor``, if the model runs on another machine.
    """

    def __init__(
        self,
        *,
        model: CropClassifier,
        executor: WorkExecutor,
        framing: BoxFraming = BOX_ITSELF,
        thresholds: ReliabilityThresholds = MEASURED_THRESHOLDS,
        calls: WorkExecutor | None = None,
    ) -> None:
        self._model = model
        self._executor = executor
        self._calls = calls or executor
        self._thresholds = thresholds
        self._framing = framing
        self._arrivals = itertools.count()
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []

    @property
    def card(self) -> ModelCard:
        """What is known about the model that runs."""
        return self._model.card

    async def check(self) -> None:
        """A model in this process always works."""

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        """Read the emotion of each face; see the port."""
        if not faces:
            return []
        request = _Request(priority, next(self._arrivals))
        try:
            crops = await self._executor.run(
                self._cut_for, request, image, faces, priority=priority
            )
            await self._calls.run(self._run_for, request, priority=priority)
            scores = await asyncio.wrap_future(request.scores)
        finally:
            self._forget(request)
        return crops.readings(scores, self._thresholds)

    def _cut_for(
        self, request: _Request, image: Image, faces: Sequence[FaceDetection]
    ) -> FaceCrops:
        crops = FaceCrops.cut(image, faces, self._model.crop_spec, self._framing)
        request.crops = crops.pixels
        with self._lock:
            # The crops of a caller who was cancelled meanwhile must not stay queued.
            if not request.scores.cancelled():
                self._waiting.append(request)
        return crops

    def _forget(self, request: _Request) -> None:
        with self._lock:
            request.scores.cancel()
            if request in self._waiting:
                self._waiting.remove(request)

    def _run_for(self, request: _Request) -> None:
        batch = self._take_batch(request)
        if not batch:
            return
        try:
            scores = score(self._model, np.concatenate([each.crops for each in batch]))
        except Exception as error:
            for each in batch:
                each.scores.set_exception(failure_of(error))
            return
        start = 0
        for each in batch:
            each.scores.set_result(scores[start : start + len(each.crops)])
            start += len(each.crops)

    def _take_batch(self, request: _Request) -> list[_Request]:
        """The run's own request and the most urgent others that fit beside it."""
        with self._lock:
            if request not in self._waiting:
                return []
            self._waiting.remove(request)
            batch, size = [request], len(request.crops)
            for other in sorted(self._waiting):
                if size + len(other.crops) <= MAX_BATCH:
                    self._waiting.remove(other)
                    batch.append(other)
                    size += len(other.crops)
            # From here on a cancelled caller no longer stops its future from being resolved.
            return [each for each in batch if each.scores.set_running_or_notify_cancel()]
