"""Draws faces into fake images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.in_memory.controllable import Controllable
from adapters.in_memory.scene import Scene, SceneFace
from application.work.priority import Priority
from domain.errors import InvalidImage
from domain.face import Face


class InMemoryImageAnnotator(Controllable):
    """Returns a fake image that shows exactly the faces that were found."""

    async def annotate(
        self,
        data: bytes,
        faces: Sequence[Face],
        *,
        media_type: str = "image/jpeg",
        priority: Priority = Priority.INTERACTIVE,
    ) -> bytes:
        """Write each face's box and dominant emotion."""
        await self._wait_or_fail()
        try:
            scene = Scene.parse(data)
        except ValueError as error:
            raise InvalidImage("this is not an image, or it is truncated") from error
        drawn = tuple(SceneFace(face.detection.box, face.dominant_emotion) for face in faces)
        return replace(scene, media_type=media_type, faces=drawn).encode()
