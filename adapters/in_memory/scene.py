"""Fake images, which the fake decoder, detector and classifier understand.

An image is one line of text: ``image 640x480 image/jpeg``, then a box and an emotion for each
face it shows: ``10,20,100,120:happy``.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.emotion import Emotion
from domain.geometry import BoundingBox


@dataclass(frozen=True, slots=True)
class SceneFace:
    """A face in a fake image."""

    box: BoundingBox
    emotion: Emotion


@dataclass(frozen=True, slots=True)
class Scene:
    """The contents of a fake image; used as ``Image.pixels``.

    Attributes:
        width: in pixels.
        height: in pixels.
        media_type: of the encoded image.
        faces: in no particular order.
    """

    width: int
    height: int
    media_type: str = "image/jpeg"
    faces: tuple[SceneFace, ...] = ()

    def encode(self) -> bytes:
        """The bytes to upload."""
        faces = (
            f"{f.box.x},{f.box.y},{f.box.width},{f.box.height}:{f.emotion}" for f in self.faces
        )
        head = f"image {self.width}x{self.height} {self.media_type}"
        return (" ".join([head, *faces]) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Scene:
        """Read what ``encode`` made.

        Raises:
            ValueError: it is something else, or truncated.
        """
        if not data.endswith(b"\n"):
            raise ValueError("the end is missing")
        word, size, media_type, *faces = data.decode("ascii").split()
        if word != "image":
            raise ValueError("this is not a fake image")
        width, height = (int(side) for side in size.split("x"))
        return cls(width, height, media_type, tuple(map(_face, faces)))


def fake_image(
    *faces: tuple[tuple[int, int, int, int], Emotion],
    width: int = 640,
    height: int = 480,
    media_type: str = "image/jpeg",
) -> bytes:
    """Bytes of an image that the fakes understand.

    Args:
        faces: a box (x, y, width, height in pixels) and an emotion for each face it shows.
        width: in pixels.
        height: in pixels.
        media_type: of the image that it stands for.
    """
    shown = tuple(SceneFace(BoundingBox(*box), emotion) for box, emotion in faces)
    return Scene(width, height, media_type, shown).encode()


def _face(text: str) -> SceneFace:
    box, emotion = text.split(":")
    x, y, width, height = (int(number) for number in box.split(","))
    return SceneFace(BoundingBox(x, y, width, height), Emotion(emotion))
