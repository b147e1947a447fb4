"""Analysing one image: its faces and their emotions."""

from __future__ import annotations

from uuid import uuid4

from application.accounts.metering import Charge, UsageMeter
from application.faces import EveryFace
from application.ports.clock import Clock
from application.ports.face_analyser import FaceAnalyser
from application.ports.image_store import StoredImage
from application.ports.telemetry import Telemetry
from application.storing.spooler import Spooler
from application.work.admission import AdmissionGate
from application.work.memory_budget import MemoryBudget
from application.work.priority import Priority
from domain.detection import Detection
from domain.image import EncodedImage
from domain.user import Caller, Guest, User


class DetectEmotions:
    """Decodes an image, finds its faces, reads their emotions, and stores the record."""

    def __init__(
        self,
        *,
        analyser: FaceAnalyser,
        spooler: Spooler,
        meter: UsageMeter,
        gate: AdmissionGate,
        encoded_budget: MemoryBudget,
        clock: Clock,
        telemetry: Telemetry,
        min_face_size_px: int,
    ) -> None:
        self._analyser = analyser
        self._spooler = spooler
        self._meter = meter
        self._gate = gate
        self._encoded_budget = encoded_budget
        self._clock = clock
        self._telemetry = telemetry
        self._search = EveryFace(min_face_size_px)

    async def execute(self, caller: Caller, image: EncodedImage) -> Detection:
        """Analyse one image for one caller; a user's detection is stored, a guest's never.

        Raises:
            Overloaded: too many images are in work; nothing was started or counted.
            QuotaExceeded: the guest has no detection left.
            ImageTooLarge: the image has more bytes than allowed, as ``image.read()`` finds.
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see ``ImageDecoder.decode``.
            ServiceUnavailable: a part that is needed does not answer.
        """
        is_guest = isinstance(caller, Guest)
        priority = Priority.GUEST if is_guest else Priority.INTERACTIVE
        async with (
            # A guest who waits to be counted holds no place meanwhile.
            self._meter.charge(caller) as charge,
            self._gate.admit_sender(caller.sender, is_guest=is_guest),
        ):
            return await self.analyse(caller, image, priority, charge)

    async def analyse(
        self,
        caller: Caller,
        image: EncodedImage,
        priority: Priority,
        charge: Charge | None = None,
    ) -> Detection:
        """The pipeline itself, for callers that have been admitted and charged already.

        Args:
            caller: who sent it.
            image: what to analyse.
            priority: decides who goes first.
            charge: is told when the work begins; None if nobody is charged.
        """
        async with self._encoded_budget.hold(image.size_bytes, priority, sender=caller.sender):
            encoded = await image.read()
            if charge is not None:
                charge.begin()
            return await self._analyse(caller, encoded, image.filename, priority)

    async def _analyse(
        self, caller: Caller, encoded: bytes, filename: str | None, priority: Priority
    ) -> Detection:
        started_s = self._clock.monotonic()
        image = await self._analyser.analyse(
            encoded, self._search, priority=priority, sender=caller.sender
        )
        self._telemetry.count("image_analysed")
        self._telemetry.count("face_read", len(image.faces))

        detection = Detection(
            detection_id=uuid4(),
            user_id=caller.user_id,
            timestamp=self._clock.now(),
            filename=filename,
            faces=image.faces,
            processing_time_s=self._clock.monotonic() - started_s,
            image_width=image.width,
            image_height=image.height,
        )
        if isinstance(caller, User):
            await self._spooler.accept(detection, StoredImage(encoded, image.media_type))
        return detection
