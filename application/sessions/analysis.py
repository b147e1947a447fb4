"""The analysis of a frame: from bytes to tracked faces with smoothed scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.ports.face_analyser import FaceAnalyser
from application.ports.face_detector import WantedFaces
from application.ports.face_tracker import FaceTracker
from application.ports.telemetry import Telemetry
from application.sessions.adaptation import Effort
from application.tracking.size_changes import adjust_to_size
from application.tracking.smoothing import TrackSmoothing
from domain.face import FaceDetection
from domain.geometry import Size
from domain.image import Image
from domain.session import Frame, TrackedFace
from domain.session_config import SessionConfig
from domain.tracking import PREDICTED_FOR_S, FaceTrack, kept_from_px

_CROP_OVERSAMPLING = 1.5
"""Frames are decoded with this many times the sides that the detector sees, because crops need more
pixels than detection does."""
_SEARCHED_WITHIN_S = 0.5
"""A frame is searched at least this often, so that a new face appears soon."""
_MAX_FOLLOWED = 8
"""Following more faces takes nearly as long as a search."""
_CROWD_PREDICTED_FOR_S = 0.12
"""How long the boxes of more faces are predicted: with 0.2 s one in eight lay beside its face when
the camera shook."""


@dataclass(frozen=True, slots=True)
class FrameFaces:
    """What a frame shows.

    Attributes:
        faces: largest first; boxes in pixels of the frame, scores smoothed.
        detection_used: whether the whole frame was searched for faces; in others the known ones
            are followed, or else predicted.
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
        return FrameFaces(faces, search.searched, image.width, image.height)


class _FrameSearch:
    """Fulfils ``FaceSearch``: some frames are searched, and known faces followed in the others.

    With a detector that cannot follow faces their boxes are predicted instead.

    Attributes:
        searched: whether the whole frame is searched for faces.
        tracks: what the frame shows, once its faces are chosen.
    """

    def __init__(
        self, session_tracks: _SessionTracks, at_s: float, config: SessionConfig, effort: Effort
    ) -> None:
        self._session_tracks = session_tracks
        self._at_s = at_s
        self._config = config
        self._effort = effort
        self._expected: Sequence[FaceDetection] = ()
        self._predicted_for_s = PREDICTED_FOR_S
        self.searched = False
        self.tracks: Sequence[FaceTrack] = ()

    @property
    def min_side_px(self) -> int:
        """See the port."""
        return round(_CROP_OVERSAMPLING * max(self._effort.resolution))

    def expected(self, image: Image) -> Sequence[FaceDetection]:
        """See the port."""
        self._session_tracks.adjust_to(image)
        self.searched = self._session_tracks.is_search_due(self._at_s, self._effort.interval)
        if not self.searched:
            self._expected = self._session_tracks.expected(self._at_s)
        if len(self._expected) > _MAX_FOLLOWED:
            self._expected, self._predicted_for_s = (), _CROWD_PREDICTED_FOR_S
        return self._expected

    def wanted(self, followed: Sequence[FaceDetection] | None) -> WantedFaces | None:
        """See the port."""
        self.searched = self.searched or (
            self._has_lost_a_face(followed)
            if followed is not None
            else self._session_tracks.is_prediction_old(self._at_s, self._predicted_for_s)
        )
        if not self.searched:
            return None
        config = self._config
        return WantedFaces(
            min_size_px=config.min_face_size,
            min_confidence=config.detection_confidence,
            fit_within=self._effort.resolution,
            also_from_px=kept_from_px(config.min_face_size),
        )

    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        """See the port."""
        tracks = (
            self._session_tracks.search(found, self._at_s, self._config.min_face_size)
            if self.searched
            else self._session_tracks.follow(found, self._at_s)
        )
        self.tracks = [inside for track in tracks if (inside := _within(track, image)) is not None]
        return [
            FaceDetection(track.box, track.confidence, track.landmarks) for track in self.tracks
        ]

    def _has_lost_a_face(self, followed: Sequence[FaceDetection]) -> bool:
        config = self._config
        wanted = [
            face
            for face in followed
            if face.box.longer_side >= kept_from_px(config.min_face_size)
            and face.confidence >= config.detection_confidence
        ]
        return len(wanted) < len(self._expected)


class _SessionTracks:
    """The tracks of one session, and when the detector has to search again."""

    def __init__(self, tracker: FaceTracker, telemetry: Telemetry) -> None:
        self._tracker = tracker
        self._telemetry = telemetry
        self._frames_since_search = 0
        self._searched_s: float | None = None
        self._seen_s = 0.0
        self._size: Size | None = None

    def adjust_to(self, image: Image) -> None:
        """If frames change their size, rescale the tracks or start over, and search again."""
        before, self._size = self._size, (image.width, image.height)
        if before is None or before == self._size:
            return
        adjust_to_size(self._tracker, before, self._size)
        self._searched_s = None

    def is_search_due(self, at_s: float, interval: int) -> bool:
        """Whether the detector searches a frame of this time, even if all faces can be followed."""
        within_s = PREDICTED_FOR_S if self._tracker.misses_a_face else _SEARCHED_WITHIN_S
        return (
            self._searched_s is None
            or at_s - self._searched_s > within_s
            or self._frames_since_search + 1 >= interval
            or self._tracker.wants_detection
        )

    def is_prediction_old(self, at_s: float, predicted_for_s: float) -> bool:
        """Whether the faces were last seen too long ago to predict where they are."""
        return at_s - self._seen_s > predicted_for_s

    def expected(self, at_s: float) -> Sequence[FaceDetection]:
        """Known faces, where they should be in a frame of this time."""
        with self._telemetry.stage("track"):
            return self._tracker.expected(at_s)

    def search(
        self, found: Sequence[FaceDetection], at_s: float, min_size_px: int
    ) -> Sequence[FaceTrack]:
        """The tracks in a frame that the detector searched."""
        self._frames_since_search = 0
        self._searched_s = self._seen_s = at_s
        with self._telemetry.stage("track"):
            return self._tracker.update(found, at_s, min_size_px=min_size_px)

    def follow(self, seen: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """The tracks in a frame that was not searched; predicted where no face was looked for."""
        self._frames_since_search += 1
        if seen:
            self._seen_s = at_s
        with self._telemetry.stage("track"):
            return self._tracker.follow(seen, at_s)


def _within(track: FaceTrack, image: Image) -> FaceTrack | None:
    """The track with its box clipped; None if a predicted box has mostly left the frame."""
    box = track.box.clipped_to(image.width, image.height)
    if box is None or box.area * 2 < track.box.area:
        return None
    return replace(track, box=box)
