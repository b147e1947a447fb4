"""A stored image in a form that browsers show."""

from __future__ import annotations

from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import StoredImage
from application.work import AdmissionGate, Priority

# What an <img> shows in every current browser.
_SHOWN_AS_IT_IS = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"}
)


class ShowImage:
    """Turns HEIC and TIFF into JPEG; other formats stay as they were sent."""

    def __init__(self, annotator: ImageAnnotator, gate: AdmissionGate) -> None:
        self._annotator = annotator
        self._gate = gate

    async def execute(self, image: StoredImage) -> StoredImage:
        """Convert the image if needed.

        Raises:
            Overloaded: too many images are in work.
        """
        if image.media_type in _SHOWN_AS_IT_IS:
            return image
        with self._gate.admit():
            shown = await self._annotator.annotate(image.data, (), priority=Priority.BULK)
        return StoredImage(shown, "image/jpeg")
