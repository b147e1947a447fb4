"""The images of a user's history: as they were sent, in a form that browsers show, or drawn on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from application.accounts.links import LinkSignature, LinkSigner
from application.accounts.ownership import require_owned
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import ImageStore, StoredImage
from application.work.admission import AdmissionGate
from application.work.memory_budget import MemoryBudget
from application.work.priority import Priority
from domain.errors import NotFound
from domain.formats import SHOWN_BY_BROWSERS
from domain.user import User

_SHOWN_AS_IT_IS = frozenset(each.media_type for each in SHOWN_BY_BROWSERS)


class ShowImage:
    """Reads stored images, and converts or draws on them.

    Images that are read at the same time share a budget of memory: without it, many requests at
    once would hold as many images.
    """

    def __init__(
        self,
        *,
        repository: DetectionRepository,
        spool: DetectionSpool,
        images: ImageStore,
        links: LinkSigner,
        annotator: ImageAnnotator,
        gate: AdmissionGate,
        encoded_budget: MemoryBudget,
        max_image_bytes: int,
    ) -> None:
        self._repository = repository
        self._spool = spool
        self._images = images
        self._links = links
        self._annotator = annotator
        self._gate = gate
        self._encoded_budget = encoded_budget
        self._max_image_bytes = max_image_bytes

    async def own(self, user: User, detection_id: UUID) -> StoredImage:
        """One of a user's own images, as it was sent.

        Raises:
            NotFound: this user has no such image, whether or not another user has.
        """
        return await self._get(user.user_id, detection_id)

    async def linked(self, path: str, signature: LinkSignature, detection_id: UUID) -> StoredImage:
        """The image of a signed link, as it was sent.

        Args:
            path: the one that the link was made for.
            signature: of the link.
            detection_id: of the image under the path.

        Raises:
            InvalidLink: the link is forged, for another path, or has expired.
            NotFound: the image was erased.
        """
        self._links.check(path, signature)
        record = await self._repository.get(detection_id)
        if record is None:
            raise _no_image()
        return await self._get(record.user_id, detection_id)

    async def for_browsers(
        self, read: Callable[[], Awaitable[StoredImage]], *, sender: str
    ) -> StoredImage:
        """Read an image, and convert it to JPEG if browsers do not show its format.

        Args:
            read: returns the image.
            sender: the caller; see ``MemoryBudget.take``.

        Raises:
            Overloaded: too many images are in work.
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see ``ImageDecoder.decode``.
        """
        async with self._encoded_budget.hold(self._max_image_bytes, Priority.BULK, sender=sender):
            image = await read()
            if image.media_type in _SHOWN_AS_IT_IS:
                return image
            with self._gate.admit():
                shown = await self._annotator.annotate(image.data, (), priority=Priority.BULK)
            return StoredImage(shown, "image/jpeg")

    async def with_faces(self, user: User, detection_id: UUID) -> bytes:
        """Draw the faces of a user's own detection over its image, stored already or not.

        Returns:
            A JPEG of the image's size.

        Raises:
            NotFound: there is no such detection, or it has no image.
            Forbidden: it belongs to another user.
            Overloaded: too many images are in work.
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see ``ImageDecoder.decode``.
        """
        detection = require_owned(await self._repository.get(detection_id), user, "detection")
        if detection.summary is not None:
            raise NotFound("this detection has no image")
        async with (
            self._gate.admit_sender(user.sender),
            self._encoded_budget.hold(self._max_image_bytes, Priority.BULK, sender=user.sender),
        ):
            waiting = await self._spool.get(detection_id)
            # An image that is not in the spool any more is in the store.
            image = waiting.image if waiting else None
            image = image or await self.own(user, detection_id)
            return await self._annotator.annotate(
                image.data, detection.faces, priority=Priority.BULK
            )

    async def _get(self, owner_id: str, detection_id: UUID) -> StoredImage:
        image = await self._images.get(owner_id, detection_id)
        if image is None:
            raise _no_image()
        return image


def _no_image() -> NotFound:
    return NotFound("there is no such image")
