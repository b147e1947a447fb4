"""A kept photograph with what was found drawn over it."""

from __future__ import annotations

from uuid import UUID

from application.ports.detection_spool import DetectionSpool
from application.ports.image_annotator import ImageAnnotator
from application.use_cases.history import GetDetection, ReadImage
from application.work import AdmissionGate, Priority
from domain.errors import NotFound
from domain.user import User


class AnnotateDetection:
    """Draws the faces of a user's own detection over its photograph."""

    def __init__(
        self,
        get_detection: GetDetection,
        read_image: ReadImage,
        spool: DetectionSpool,
        annotator: ImageAnnotator,
        gate: AdmissionGate,
    ) -> None:
        self._get_detection = get_detection
        self._read_image = read_image
        self._spool = spool
        self._annotator = annotator
        self._gate = gate

    async def execute(self, user: User, detection_id: UUID) -> bytes:
        """Draw it; works while the photograph is still on its way to its store.

        Returns:
            A JPEG of the photograph's size.

        Raises:
            NotFound: nobody has such a detection, or it has no photograph.
            Forbidden: it is another user's.
            Overloaded: too many images are in work.
        """
        detection = await self._get_detection.execute(user, detection_id)
        if detection.stream is not None:
            raise NotFound("this is a stream; no picture of it was kept")
        with self._gate.admit():
            waiting = await self._spool.get(detection_id)
            # What has left the spool by now is in the store.
            image = waiting.image if waiting else None
            image = image or await self._read_image.execute(user, detection_id)
            return await self._annotator.annotate(
                image.data, detection.faces, priority=Priority.BULK
            )
