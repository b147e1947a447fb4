"""Drawing the faces of a stored image."""

from __future__ import annotations

from uuid import UUID

from application.memory_budget import MemoryBudget
from application.ports.detection_spool import DetectionSpool
from application.ports.image_annotator import ImageAnnotator
from application.use_cases.history import GetDetection, ReadImage
from application.work import AdmissionGate, Priority
from domain.errors import NotFound
from domain.user import User


class AnnotateDetection:
    """Draws the faces of a user's own detection over its image."""

    def __init__(
        self,
        get_detection: GetDetection,
        read_image: ReadImage,
        spool: DetectionSpool,
        annotator: ImageAnnotator,
        gate: AdmissionGate,
        encoded: MemoryBudget,
        largest_image_bytes: int,
    ) -> None:
        self._get_detection = get_detection
        self._read_image = read_image
        self._spool = spool
        self._annotator = annotator
        self._gate = gate
        self._encoded = encoded
        self._largest_image_bytes = largest_image_bytes

    async def execute(self, user: User, detection_id: UUID) -> bytes:
        """Draw them; works before the image has reached its store.

        Returns:
            A JPEG of the image's size.

        Raises:
            NotFound: there is no such detection, or it has no image.
            Forbidden: it belongs to another user.
            Overloaded: too many images are in work.
        """
        detection = await self._get_detection.execute(user, detection_id)
        if detection.stream is not None:
            raise NotFound("this detection has no image")
        with self._gate.admit():
            async with self._encoded.hold(
                self._largest_image_bytes, Priority.BULK, sender=user.sender
            ):
                waiting = await self._spool.get(detection_id)
                # An image that is not in the spool any more is in the store.
                image = waiting.image if waiting else None
                image = image or await self._read_image.execute(user, detection_id)
                return await self._annotator.annotate(
                    image.data, detection.faces, priority=Priority.BULK
                )
