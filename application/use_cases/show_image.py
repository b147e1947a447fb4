"""A stored image in a form that browsers show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from application.memory_budget import MemoryBudget
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import StoredImage
from application.work import AdmissionGate, Priority
from domain.image import IMAGE_FORMATS

_SHOWN_AS_IT_IS = frozenset(each.media_type for each in IMAGE_FORMATS if each.is_shown_by_browsers)


class ShowImage:
    """Reads a stored image, and turns formats that browsers do not show into JPEG.

    Images that are read at the same time share a budget of memory: without it, many requests at
    once would hold as many images.
    """

    def __init__(
        self,
        annotator: ImageAnnotator,
        gate: AdmissionGate,
        encoded: MemoryBudget,
        largest_image_bytes: int,
    ) -> None:
        self._annotator = annotator
        self._gate = gate
        self._encoded = encoded
        self._largest_image_bytes = largest_image_bytes

    async def execute(
        self, read: Callable[[], Awaitable[StoredImage]], *, sender: str
    ) -> StoredImage:
        """Read the image, and convert it if needed.

        Args:
            read: returns the image.
            sender: the caller; see ``MemoryBudget.take``.

        Raises:
            Overloaded: too many images are in work.
        """
        async with self._encoded.hold(self._largest_image_bytes, Priority.BULK, sender=sender):
            image = await read()
            if image.media_type in _SHOWN_AS_IT_IS:
                return image
            with self._gate.admit():
                shown = await self._annotator.annotate(image.data, (), priority=Priority.BULK)
            return StoredImage(shown, "image/jpeg")
