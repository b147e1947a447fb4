"""Fake images, and the fakes that decode them, find faces, read emotions and draw on them.

An image is one line of text: ``image 640x480 image/jpeg``, then a box and an emotion for each
face it shows: ``10,20,100,120:happy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from adapters.in_memory.controllable import Controllable
from application.ports.emotion_classifier import ModelCard
from application.ports.face_detector import WantedFaces
from application.work.priority import Priority
from domain.emotion import Emotion, EmotionScores
from domain.errors import ImageDimensionsTooLarge, InvalidImage
from domain.face import BoxFraming, Face, FaceDetection, FaceQuality, FaceReading
from domain.geometry import BoundingBox
from domain.image import Image


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


class InMemoryImageDecoder(Controllable):
    """Decodes images of ``fake_image``, and refuses everything else.

    Args:
        max_pixels: more than this are refused.
    """

    def __init__(self, *, max_pixels: int = 50_000_000) -> None:
        super().__init__()
        self._max_pixels = max_pixels

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        await self._wait_or_fail()
        try:
            scene = Scene.parse(data)
            image = Image(scene, scene.width, scene.height, scene.media_type)
        except ValueError as error:
            reason = "truncated" if data.startswith(b"image ") else "unsupported"
            raise InvalidImage("this is not an image, or it is truncated", reason=reason) from error
        if image.width * image.height > self._max_pixels:
            raise ImageDimensionsTooLarge(
                f"an image may have {self._max_pixels} pixels", limit=self._max_pixels
            )
        return image


class InMemoryFaceDetector(Controllable):
    """Finds the faces that a fake image holds, or always the faces it was given.

    Args:
        can_follow: whether it can look at single places.

    Attributes:
        runs: how often it ran.
        last_fit_within: of the last call.
    """

    name = "in-memory"
    version = "1"
    measured: Mapping[str, object] = MappingProxyType({})
    framing = BoxFraming()

    def __init__(self, *, can_follow: bool = False) -> None:
        super().__init__()
        self.can_follow = can_follow
        self._script: tuple[FaceDetection, ...] | None = None
        self.runs = 0
        self.last_fit_within: tuple[int, int] | None = None

    def find_always(self, *faces: FaceDetection) -> None:
        """Find these faces from now on, whatever the image shows."""
        self._script = faces

    async def detect(
        self,
        image: Image,
        wanted: WantedFaces,
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        await self._wait_or_fail()
        self.runs += 1
        self.last_fit_within = wanted.fit_within
        found = []
        shown = (FaceDetection(face.box, confidence=0.9) for face in _faces_of(image))
        for face in shown if self._script is None else self._script:
            box = face.box.clipped_to(image.width, image.height)
            if box is None or box.longer_side < wanted.least_size_px:
                continue
            if face.confidence >= wanted.min_confidence:
                found.append(replace(face, box=box))
        return sorted(found, key=lambda face: -face.box.area)

    async def follow(
        self,
        image: Image,
        expected: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceDetection]:
        await self._wait_or_fail()
        left = [face.box for face in _faces_of(image)]
        found = []
        for face in expected:
            box = max(left, key=face.box.iou, default=None)
            if box is not None and face.box.iou(box) > 0:
                left.remove(box)
                inside = box.clipped_to(image.width, image.height)
                found += [replace(face, box=inside)] if inside is not None else []
        return sorted(found, key=lambda face: -face.box.area)


class InMemoryEmotionClassifier(Controllable):
    """Reads the emotions that a fake image holds."""

    @property
    def card(self) -> ModelCard:
        return ModelCard("in-memory", "1", tuple(Emotion), input_width=48, input_height=48)

    async def check(self) -> None:
        await self._wait_or_fail()

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        await self._wait_or_fail()
        return [reading_of(_shown_at(face, image), face) for face in faces]


def reading_of(emotion: Emotion, face: FaceDetection, *, score: float = 0.88) -> FaceReading:
    """A reliable reading of a face, in which this emotion leads and the others share the rest."""
    rest = (1 - score) / (len(Emotion) - 1)
    weights = {other: score if other is emotion else rest for other in Emotion}
    quality = FaceQuality(sharpness=1.0, brightness=0.5, size_px=face.box.longer_side)
    return FaceReading(EmotionScores.from_weights(weights), quality, reliable=True)


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
        await self._wait_or_fail()
        try:
            scene = Scene.parse(data)
        except ValueError as error:
            raise InvalidImage("this is not an image, or it is truncated") from error
        drawn = tuple(SceneFace(face.detection.box, face.dominant_emotion) for face in faces)
        return replace(scene, media_type=media_type, faces=drawn).encode()


def _faces_of(image: Image) -> tuple[SceneFace, ...]:
    return image.pixels.faces if isinstance(image.pixels, Scene) else ()


def _shown_at(face: FaceDetection, image: Image) -> Emotion:
    """The emotion of the drawn face that this one covers best."""
    drawn = max(_faces_of(image), key=lambda each: each.box.iou(face.box), default=None)
    return Emotion.NEUTRAL if drawn is None else drawn.emotion
