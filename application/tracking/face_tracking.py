"""The analysis of a video: from sampled frames to tracked faces with smoothed scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from application.ports.face_tracker import FaceTracker
from application.ports.video_reader import VideoFrame
from application.tracking.journal import Journal
from application.tracking.size_changes import adjust_to_size
from application.tracking.smoothing import TrackSmoothing
from domain.face import Face
from domain.session import TrackedFace, TrackSummary
from domain.tracking import FaceTrack
from domain.video import AnalysedFrame, UnreadablePart

_SMOOTHING_S = 1.0
_MAX_TRACKED_STEP_S = 0.75
_HELD_STEPS = 1.5
"""From a gap of so many steps on, the file has no frames in between: the last one stays."""


@dataclass(slots=True)
class _Frame:
    """A frame whose faces were tracked, but not smoothed and counted yet."""

    time_s: float
    scene: int
    size: tuple[int, int]
    found: tuple[Face, ...]
    is_restored: bool = False
    is_completed: bool = False
    tracks: list[FaceTrack] = field(default_factory=list)


class FaceTracking:
    """Tracks faces from one sampled frame to the next, in order; a cut ends all tracks.

    Trackers report a new face only from its second detection on. Here each frame of a recorded
    video waits for the next one, so that a face counts from the first frame that shows it.

    Args:
        tracker: a new one.
        every_s: seconds between two sampled frames.
        min_face_size_px: of the longer side of a face when it is first seen.
        frames_stay: whether a frame is on the screen until the next one comes; False for a camera,
            of which frames are missed.

    Attributes:
        unreadable_parts: the stretches so far that cannot be read; no frame stays through one.
    """

    def __init__(
        self,
        tracker: FaceTracker,
        every_s: float,
        *,
        min_face_size_px: int,
        frames_stay: bool = True,
    ) -> None:
        self.unreadable_parts: tuple[UnreadablePart, ...] = ()
        self._tracker = tracker
        self._every_s = every_s
        self._min_face_size_px = min_face_size_px
        self._frames_stay = frames_stay
        self._window = max(round(_SMOOTHING_S / every_s), 1)
        self._journal = Journal(every_s)
        self._frames = 0
        self._smoothing = TrackSmoothing()
        self._tracked: _Frame | None = None
        self._tracker_time_s = 0.0
        self._faces: tuple[TrackedFace, ...] = ()
        self._time_s = 0.0

    @property
    def frames(self) -> int:
        """How many frames were completed."""
        return self._frames

    @property
    def is_truncated(self) -> bool:
        """Whether faces or seconds were left out of the summary because there were too many."""
        return self._journal.truncated

    def take(self, frame: VideoFrame, found: Sequence[Face]) -> AnalysedFrame | None:
        """Add the next frame with the faces that were found and read in it.

        Returns:
            The frame before, now that it is complete; None if there is none, or if it was restored.
        """
        size = frame.image.width, frame.image.height
        return self._take(_Frame(frame.time_s, frame.scene, size, tuple(found)))

    def take_now(self, frame: VideoFrame, found: Sequence[Face]) -> AnalysedFrame:
        """Add the next frame of a camera, and return it without waiting for another."""
        self.take(frame, found)
        now = self.finish()
        assert now is not None
        return now

    def restore(self, frame: AnalysedFrame) -> None:
        """Add a frame that was analysed before the work was interrupted."""
        size = frame.width, frame.height
        self._take(_Frame(frame.time_s, frame.scene, size, frame.found, is_restored=True))

    def finish(self, end_s: float | None = None) -> AnalysedFrame | None:
        """The frame that was taken last; None if there is none, or if it was restored.

        Args:
            end_s: until when it is shown; None if the video does not say.
        """
        last = self._tracked
        stays = last is not None and end_s is not None and self._stays(last.time_s, end_s)
        finished = None
        if last is not None and not last.is_completed:
            if stays:
                self._confirm(last)
            finished = self._complete(last)
        if stays and end_s is not None:
            self._journal.hold(self._faces, end_s - self._every_s)
        return finished

    def tracks(self) -> tuple[TrackSummary, ...]:
        """The summary of each face; ends the tracking."""
        return self._journal.tracks()

    def _take(self, frame: _Frame) -> AnalysedFrame | None:
        before = self._tracked
        if before is not None and self._stays(before.time_s, frame.time_s):
            self._confirm(before)
        frame.tracks = self._track(frame, before)
        completed = None
        if before is not None and not before.is_completed:
            before.tracks += [
                _one_detection_earlier(t) for t in frame.tracks if t.unconfirmed is not None
            ]
            completed = self._complete(before)
        self._tracked = frame
        return completed

    def _track(self, frame: _Frame, before: _Frame | None) -> list[FaceTrack]:
        if before is not None and frame.scene != before.scene:
            self._tracker.forget()
        elif before is not None and frame.size != before.size:
            adjust_to_size(self._tracker, before.size, frame.size)
        # Even if frames are sampled sparsely, a face that is in each of them is the same one.
        step_s = 0.0 if before is None else max(frame.time_s - before.time_s, 0.0)
        self._tracker_time_s += min(step_s, _MAX_TRACKED_STEP_S)
        return self._tracks_in(frame)

    def _confirm(self, frame: _Frame) -> None:
        """Detect the faces of a frame again, because it stays on the screen."""
        self._tracker_time_s += min(self._every_s, _MAX_TRACKED_STEP_S)
        again = self._tracks_in(frame)
        frame.tracks += [_one_detection_earlier(t) for t in again if t.unconfirmed is not None]

    def _tracks_in(self, frame: _Frame) -> list[FaceTrack]:
        detections = [face.detection for face in frame.found]
        boxes = {detection.box for detection in detections}
        found_by_tracker = self._tracker.update(
            detections, self._tracker_time_s, min_size_px=self._min_face_size_px
        )
        # A face that was not found in this frame has no reading, and is left out.
        return [t for t in found_by_tracker if not t.predicted and t.box in boxes]

    def _complete(self, frame: _Frame) -> AnalysedFrame | None:
        if self._stays(self._time_s, frame.time_s):
            self._journal.hold(self._faces, frame.time_s - self._every_s)
        readings = {face.detection.box: face.reading for face in frame.found}
        tracks = sorted(frame.tracks, key=lambda track: -track.box.area)
        faces = self._smoothing.smooth(
            tracks,
            [readings[track.box] for track in tracks],
            window=self._window,
            at_s=frame.time_s,
        )
        self._journal.add(faces, frame.time_s, frame.size)
        self._frames += 1
        self._faces, self._time_s = faces, frame.time_s
        frame.is_completed = True
        if frame.is_restored:
            return None
        return AnalysedFrame(
            self._frames - 1, frame.time_s, frame.scene, *frame.size, faces, frame.found
        )

    def _stays(self, from_s: float, until_s: float) -> bool:
        """Whether a frame is shown until the next one comes, as in recordings of a screen."""
        if not self._frames_stay or until_s - from_s < _HELD_STEPS * self._every_s:
            return False
        return not any(
            part.from_s < until_s and (part.to_s is None or part.to_s > from_s)
            for part in self.unreadable_parts
        )


def _one_detection_earlier(track: FaceTrack) -> FaceTrack:
    """The face of a track as it was one detection before."""
    seen = track.unconfirmed
    assert seen is not None
    return FaceTrack(track.number, seen.box, seen.confidence, landmarks=seen.landmarks)
