"""Several images in one request, answered one by one as they finish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from application.accounts.metering import UsageMeter
from application.errors import ServiceUnavailable
from application.use_cases.detect_emotions import DetectEmotions
from application.work.admission import AdmissionGate
from application.work.priority import Priority
from domain.detection import Detection
from domain.errors import BatchTooLarge, DomainError, InvalidRequest
from domain.image import EncodedImage
from domain.user import User

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The outcome of one file: a detection, or an error."""

    filename: str | None
    result: Detection | Exception


class DetectBatch:
    """Analyses a batch with lower priority than single images, a few files at a time.

    Each image in work takes a place; the batch itself takes none.
    """

    def __init__(
        self,
        *,
        detect_emotions: DetectEmotions,
        meter: UsageMeter,
        gate: AdmissionGate,
        max_files: int,
        files_at_once: int,
    ) -> None:
        self._detect_emotions = detect_emotions
        self._meter = meter
        self._gate = gate
        self._max_files = max_files
        self._files_at_once = files_at_once

    async def execute(
        self, user: User, images: Sequence[EncodedImage]
    ) -> AsyncGenerator[BatchOutcome, None]:
        """Yield one outcome a file, in the order they finish.

        Closing the iterator early cancels what is unfinished.

        Raises:
            InvalidRequest: the batch holds no file.
            BatchTooLarge: it holds more than ``max_files``.
            Overloaded: too many images are in work; nothing was started.
        """
        if not images:
            raise InvalidRequest("a batch needs at least one file", field="files")
        if len(images) > self._max_files:
            raise BatchTooLarge(
                f"a batch may hold {self._max_files} files, this one has more",
                limit=self._max_files,
            )
        self._gate.check()
        # No place is held while an outcome is yielded, because the reader may be slow.
        slots = asyncio.Semaphore(self._files_at_once)
        tasks = [asyncio.create_task(self._one(user, image, slots)) for image in images]
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, user: User, image: EncodedImage, slots: asyncio.Semaphore) -> BatchOutcome:
        async with slots:
            try:
                async with self._meter.charge(user) as charge, self._gate.admit_in_turn():
                    detection = await self._detect_emotions.analyse(
                        user, image, Priority.BULK, charge
                    )
            except (DomainError, ServiceUnavailable) as error:
                return BatchOutcome(image.filename, error)
            except Exception as error:
                # An unexpected error with one file must not stop the others.
                log.exception("a file of a batch could not be analysed")
                return BatchOutcome(image.filename, error)
            return BatchOutcome(image.filename, detection)
