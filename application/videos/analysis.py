"""The analysis of a video: from sampled frames to tracked faces with smoothed scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.face_tracker import FaceTracker
from application.ports.video_reader import VideoFrame
from application.sessions.journal import Journal
from application.sessions.smoothing import TrackSmoothing
from domain.face import Face
from domain.stream import TrackedFace, TrackSummary
from domain.video import Damage

_SMOOTHING_S = 1.0
_LONGEST_STEP_S = 0.75
_HELD_STEPS = 1.5
"""From a gap of so many steps on, the file has no frames in between: the last one stays."""


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """What a sampled frame of a video shows.

    Attributes:
        number: of the sampled frames, from 0.
        time_s: when a player shows it, from the start of the video.
        scene: how many cuts came before it.
        width: of the video in pixels, as a player shows it.
        height: likewise.
        faces: largest first; boxes in those pixels, scores smoothed.
        found: every face that was found, with its unsmoothed reading.
    """

    number: int
    time_s: float
    scene: int
    width: int
    height: int
    faces: tuple[TrackedFace, ...]
    found: tuple[Face, ...] = ()


class FollowedFaces:
    """Tracks faces from one sampled frame to the next, in order; a cut ends all tracks.

    Args:
        tracker: a new one.
        every_s: seconds between two sampled frames.
        damages: the stretches that cannot be read, also those that are added later; None where
            frames are missed for other reasons, as those of a camera.
    """

    def __init__(
        self, tracker: FaceTracker, every_s: float, damages: Sequence[Damage] | None = None
    ) -> None:
        self._tracker = tracker
        self._every_s = every_s
        self._damages = damages
        self._faces: tuple[TrackedFace, ...] = ()
        self._window = max(round(_SMOOTHING_S / every_s), 1)
        self._journal = Journal(every_s)
        self._frames = 0
        self._smoothing = TrackSmoothing()
        self._scene = 0
        self._time_s = 0.0
        self._tracker_time_s = 0.0

    @property
    def frames(self) -> int:
        """How many frames were added."""
        return self._frames

    @property
    def is_truncated(self) -> bool:
        """Whether faces or seconds were left out of the summary because there were too many."""
        return self._journal.truncated

    def take(self, frame: VideoFrame, found: Sequence[Face]) -> AnalysedFrame:
        """Add the next frame with the faces that were found and read in it."""
        size = frame.image.width, frame.image.height
        faces = self._follow(frame.time_s, frame.scene, size, found)
        return AnalysedFrame(
            self._frames - 1, frame.time_s, frame.scene, *size, faces, tuple(found)
        )

    def restore(self, frame: AnalysedFrame) -> None:
        """Add a frame that was analysed before the work was interrupted."""
        self._follow(frame.time_s, frame.scene, (frame.width, frame.height), frame.found)

    def tracks(self) -> tuple[TrackSummary, ...]:
        """The summary of each face; ends the tracking."""
        return self._journal.tracks()

    def _follow(
        self, time_s: float, scene: int, size: tuple[int, int], found: Sequence[Face]
    ) -> tuple[TrackedFace, ...]:
        if self._is_held_until(time_s):
            self._journal.hold(self._faces, time_s - self._every_s)
        if scene != self._scene:
            self._scene = scene
            self._tracker.forget()
        # Even if frames are sampled sparsely, a face that is in each of them is the same one.
        self._tracker_time_s += min(max(time_s - self._time_s, 0.0), _LONGEST_STEP_S)
        self._time_s = time_s
        readings = {face.detection.box: face.reading for face in found}
        found_by_tracker = self._tracker.update(
            [face.detection for face in found], self._tracker_time_s
        )
        # A face that was not found in this frame has no reading, and is left out.
        tracks = [t for t in found_by_tracker if not t.predicted and t.box in readings]
        faces = self._smoothing.smooth(
            tracks, [readings[track.box] for track in tracks], window=self._window, at_s=time_s
        )
        self._journal.add(faces, time_s, size)
        self._frames += 1
        self._faces = faces
        return faces

    def _is_held_until(self, time_s: float) -> bool:
        """Whether the last frame is shown until then, as in recordings of a screen."""
        if self._damages is None or time_s - self._time_s < _HELD_STEPS * self._every_s:
            return False
        return not any(
            damage.from_s < time_s and (damage.to_s is None or damage.to_s > self._time_s)
            for damage in self._damages
        )
