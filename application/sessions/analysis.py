"""A frame's way from bytes to faces that have names and steady scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.face_tracker import FaceTracker
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.sessions.adaptation import Effort
from application.sessions.smoothing import TrackSmoothing
from domain.face import FaceDetection
from domain.image import Image
from domain.stream import Frame, TrackedFace
from domain.stream_config import Size, StreamConfig
from domain.tracking import PREDICTED_FOR_S, FaceTrack

_SAME_SHAPE = 0.02
"""By how much the ratio of a frame's sides may differ from another's whose picture was scaled."""


@dataclass(frozen=True, slots=True)
class FrameTools:
    """The ports every frame passes through; shared by all sessions."""

    decoder: ImageDecoder
    detector: FaceDetector
    classifier: EmotionClassifier
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Analysed:
    """What a frame shows."""

    faces: tuple[TrackedFace, ...]
    detection_used: bool
    width: int
    height: int


class FrameAnalysis:
    """Analyses the frames of one stream, in order and one at a time."""

    def __init__(self, tools: FrameTools, tracker: FaceTracker) -> None:
        self._tools = tools
        self._tracker = tracker
        self._frames_since_detection = 0
        self._detected_s: float | None = None
        self._size: Size | None = None
        self._smoothing = TrackSmoothing()

    async def analyse(self, frame: Frame, config: StreamConfig, effort: Effort) -> Analysed:
        """Find, follow and read the faces of the next frame.

        Raises:
            InvalidImage, ImageDimensionsTooLarge: the frame cannot be used.
            InferenceUnavailable: detector or classifier cannot run.
        """
        tools = self._tools
        with tools.telemetry.stage("decode"):
            image = await tools.decoder.decode(await frame.data.read())
        self._adjust_to_size(image)
        detects = self._is_detection_due(frame, effort)
        if detects:
            tracks = await self._detect(image, frame, config, effort)
        else:
            tracks = self._predict(frame)
        shown = [inside for track in tracks if (inside := _within(track, image)) is not None]
        boxes = [FaceDetection(track.box, track.confidence, track.landmarks) for track in shown]
        with tools.telemetry.stage("classify"):
            readings = await tools.classifier.classify(image, boxes)
        window = config.smooth_window_size if config.smooth_emotions else 0
        faces = self._smoothing.smooth(shown, readings, window=window, at_s=frame.received_s)
        return Analysed(faces, detects, image.width, image.height)

    def _adjust_to_size(self, image: Image) -> None:
        """Where frames change their size, rescale the tracks or begin anew, and detect again."""
        before, self._size = self._size, (image.width, image.height)
        if before is None or before == self._size:
            return
        across, down = image.width / before[0], image.height / before[1]
        if abs(across / down - 1) <= _SAME_SHAPE:
            self._tracker.rescale((across * down) ** 0.5)
        else:
            # The phone was turned, or the picture is cut otherwise: where things went is not known.
            self._tracker.forget()
        self._detected_s = None

    def _is_detection_due(self, frame: Frame, effort: Effort) -> bool:
        return (
            self._detected_s is None
            or frame.received_s - self._detected_s > PREDICTED_FOR_S
            or self._frames_since_detection + 1 >= effort.interval
            or self._tracker.wants_detection
        )

    async def _detect(
        self, image: Image, frame: Frame, config: StreamConfig, effort: Effort
    ) -> Sequence[FaceTrack]:
        with self._tools.telemetry.stage("detect"):
            found = await self._tools.detector.detect(
                image,
                min_size_px=config.min_face_size,
                min_confidence=config.detection_confidence,
                fit_within=effort.resolution,
            )
        self._frames_since_detection = 0
        self._detected_s = frame.received_s
        with self._tools.telemetry.stage("track"):
            return self._tracker.update(found, frame.received_s)

    def _predict(self, frame: Frame) -> Sequence[FaceTrack]:
        self._frames_since_detection += 1
        with self._tools.telemetry.stage("track"):
            return self._tracker.predict(frame.received_s)


def _within(track: FaceTrack, image: Image) -> FaceTrack | None:
    """The track with its box clipped; None where a predicted box has mostly left the frame."""
    box = track.box.clipped_to(image.width, image.height)
    if box is None or box.area * 2 < track.box.area:
        return None
    return replace(track, box=box)
