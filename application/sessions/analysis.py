"""The analysis of a frame: from bytes to tracked faces with smoothed scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.ports.face_analyser import FaceAnalyser
from application.ports.face_detector import WantedFaces
from application.ports.face_tracker import FaceTracker
from application.ports.telemetry import Telemetry
from application.sessions.adaptation import Effort
from application.tracking.smoothing import TrackSmoothing
from domain.face import FaceDetection
from domain.geometry import Size
from domain.image import Image
from domain.session import Frame, TrackedFace
from domain.session_config import SessionConfig
from domain.tracking import PREDICTED_FOR_S, FaceTrack

_CROP_OVERSAMPLING = 1.5
"""Frames are decoded with this many times the sides that the detector sees, because crops need more
pixels than detection does."""
_SAME_SHAPE = 0.02
"""How much the aspect ratio may change for a frame to count as the same scene, scaled."""


@dataclass(frozen=True, slots=True)
class FrameFaces:
    """What a frame shows.

    Attributes:
        faces: largest first; boxes in pixels of the frame, scores smoothed.
        detection_used: False if no detector ran and all boxes are predicted.
        width: of the frame in pixels.
        height: likewise.
    """

    faces: tuple[TrackedFace, ...]
    detection_used: bool
    width: int
    height: int


class FrameAnalysis:
    """Analyses the frames of one session, in order and one at a time."""

    def __init__(
        self, *, analyser: FaceAnalyser, tracker: FaceTracker, telemetry: Telemetry
    ) -> None:
        self._analyser = analyser
        self._session_tracks = _SessionTracks(tracker, telemetry)
        self._smoothing = TrackSmoothing()

    async def analyse(self, frame: Frame, config: SessionConfig, effort: Effort) -> FrameFaces:
        """Find, track and read the faces of the next frame.

        Raises:
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: the frame cannot be used.
            InferenceUnavailable: detector or classifier cannot run.
        """
        search = _FrameSearch(self._session_tracks, frame.received_s, config, effort)
        image = await self._analyser.analyse(await frame.image.read(), search)
        window = config.smooth_window_size if config.smooth_emotions else 0
        readings = [face.reading for face in image.faces]
        faces = self._smoothing.smooth(
            search.tracks, readings, window=window, at_s=frame.received_s
        )
        return FrameFaces(faces, search.detected, image.width, image.height)


class _FrameSearch:
    """Fulfils ``FaceSearch``: detects on some frames, and predicts tracks on the others."""

    def __init__(
        self, session_tracks: _SessionTracks, at_s: float, config: SessionConfig, effort: Effort
    ) -> None:
        self._session_tracks = session_tracks
        self._at_s = at_s
        self._config = config
        self._effort = effort
        self.detected = False
        self.tracks: Sequence[FaceTrack] = ()

    @property
    def min_side_px(self) -> int:
        """See the port."""
        return round(_CROP_OVERSAMPLING * max(self._effort.resolution))

    def wanted(self, image: Image) -> WantedFaces | None:
        """See the port."""
        self._session_tracks.adjust_to(image)
        self.detected = self._session_tracks.is_detection_due(self._at_s, self._effort.interval)
        if not self.detected:
            return None
        config = self._config
        return WantedFaces(
            min_size_px=config.min_face_size,
            min_confidence=config.detection_confidence,
            fit_within=self._effort.resolution,
        )

    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        """See the port."""
        if self.detected:
            tracks = self._session_tracks.update(found, self._at_s)
        else:
            tracks = self._session_tracks.predict(self._at_s)
        self.tracks = [inside for track in tracks if (inside := _within(track, image)) is not None]
        return [
            FaceDetection(track.box, track.confidence, track.landmarks) for track in self.tracks
        ]


class _SessionTracks:
    """The tracks of one session, and when the detector has to run again."""

    def __init__(self, tracker: FaceTracker, telemetry: Telemetry) -> None:
        self._tracker = tracker
        self._telemetry = telemetry
        self._frames_since_detection = 0
        self._detected_s: float | None = None
        self._size: Size | None = None

    def adjust_to(self, image: Image) -> None:
        """If frames change their size, rescale the tracks or start over, and detect again."""
        before, self._size = self._size, (image.width, image.height)
        if before is None or before == self._size:
            return
        across, down = image.width / before[0], image.height / before[1]
        if abs(across / down - 1) <= _SAME_SHAPE:
            self._tracker.rescale((across * down) ** 0.5)
        else:
            # The phone was turned or the frame is cropped differently: positions cannot be mapped.
            self._tracker.forget()
        self._detected_s = None

    def is_detection_due(self, at_s: float, interval: int) -> bool:
        """Whether the detector runs on a frame of this time."""
        return (
            self._detected_s is None
            or at_s - self._detected_s > PREDICTED_FOR_S
            or self._frames_since_detection + 1 >= interval
            or self._tracker.wants_detection
        )

    def update(self, found: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """The tracks in a frame that the detector ran on."""
        self._frames_since_detection = 0
        self._detected_s = at_s
        with self._telemetry.stage("track"):
            return self._tracker.update(found, at_s)

    def predict(self, at_s: float) -> Sequence[FaceTrack]:
        """The tracks in a frame that the detector did not run on."""
        self._frames_since_detection += 1
        with self._telemetry.stage("track"):
            return self._tracker.predict(at_s)


def _within(track: FaceTrack, image: Image) -> FaceTrack | None:
    """The track with its box clipped; None if a predicted box has mostly left the frame."""
    box = track.box.clipped_to(image.width, image.height)
    if box is None or box.area * 2 < track.box.area:
        return None
    return replace(track, box=box)
