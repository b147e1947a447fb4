"""The main job: an image in, the emotions of its faces out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from application.metering import UsageMeter
from application.ports.clock import Clock
from application.ports.face_analyser import EveryFace, FaceAnalyser
from application.ports.image_store import StoredImage
from application.ports.telemetry import Telemetry
from application.storing.spooler import Spooler
from application.work import AdmissionGate, Priority
from domain.detection import Detection
from domain.user import Caller, User


@dataclass(frozen=True, slots=True)
class DetectEmotionsCommand:
    """An image and who sent it.

    Attributes:
        caller: a user's detection is stored, a guest's never.
        image: encoded bytes.
        filename: as the sender named it.
    """

    caller: Caller
    image: bytes
    filename: str | None = None


class DetectEmotions:
    """Decodes an image, finds its faces, reads their emotions, and keeps the record."""

    def __init__(
        self,
        *,
        analyser: FaceAnalyser,
        spooler: Spooler,
        meter: UsageMeter,
        gate: AdmissionGate,
        clock: Clock,
        telemetry: Telemetry,
        min_face_size_px: int,
    ) -> None:
        self._analyser = analyser
        self._spooler = spooler
        self._meter = meter
        self._gate = gate
        self._clock = clock
        self._telemetry = telemetry
        self._min_face_size_px = min_face_size_px

    async def execute(self, command: DetectEmotionsCommand) -> Detection:
        """Analyse one image for one caller.

        Raises:
            Overloaded: too many images are in work; nothing was started or counted.
            QuotaExceeded: the guest has no detection left.
            InvalidImage, ImageDimensionsTooLarge: see ``ImageDecoder.decode``.
            ServiceUnavailable: a part that is needed does not answer.
        """
        # Whoever waits to be counted holds no place meanwhile.
        async with self._meter.charge(command.caller):
            with self._gate.admit():
                return await self.analyse(command, Priority.INTERACTIVE)

    async def analyse(self, command: DetectEmotionsCommand, priority: Priority) -> Detection:
        """The pipeline itself, for callers that have been admitted and charged already."""
        started = self._clock.monotonic()
        image = await self._analyser.analyse(
            command.image, EveryFace(self._min_face_size_px), priority=priority
        )
        self._telemetry.faces_found(len(image.faces))

        detection = Detection(
            detection_id=uuid4(),
            user_id=command.caller.user_id,
            timestamp=self._clock.now(),
            filename=command.filename,
            faces=image.faces,
            processing_time_s=self._clock.monotonic() - started,
            image_width=image.width,
            image_height=image.height,
        )
        if isinstance(command.caller, User):
            await self._spooler.accept(detection, StoredImage(command.image, image.media_type))
        return detection
