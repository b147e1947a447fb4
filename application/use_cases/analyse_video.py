"""A recorded video in, its faces frame by frame and a summary out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.face_tracker import FaceTracker
from application.ports.telemetry import Telemetry
from application.ports.video_reader import Damage, VideoFacts, VideoFrame, VideoReader
from application.videos.analysis import AnalysedFrame, FollowedFaces
from application.work import Priority
from domain.errors import InvalidRequest
from domain.face import Face
from domain.stream import TrackSummary

MOST_FRAMES_PER_SECOND = 30.0


@dataclass(frozen=True, slots=True)
class AnalyseVideoCommand:
    """A video and which of its frames are wanted.

    Attributes:
        path: the file.
        every_s: seconds between two analysed frames.
        from_s: where to begin, in seconds from the start.
        to_s: where to end; None for the end of the video.
    """

    path: Path
    every_s: float = 0.2
    from_s: float = 0.0
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """What remains of a video.

    Attributes:
        facts: what the file says of itself.
        frames: how many were analysed.
        tracks: its faces, in the order they appeared.
        damages: stretches that could not be read.
        truncated: True where faces or seconds were left out because there were too many.
    """

    facts: VideoFacts
    frames: int
    tracks: tuple[TrackSummary, ...]
    damages: tuple[Damage, ...] = ()
    truncated: bool = False


class VideoListener(Protocol):
    """Is told how the work on a video goes."""

    async def opened(self, facts: VideoFacts) -> None:
        """The video can be read."""
        ...

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame is done; the frames come in order."""
        ...


class AnalyseVideo:
    """Reads the wanted frames, finds and reads their faces, and follows them in order.

    Every wanted frame is analysed. Several are looked at side by side; they are followed one after
    the other. All of it stands behind people's images and live sessions.

    Args:
        frames_at_once: how many frames may be in work, which bounds the memory.
    """

    def __init__(
        self,
        *,
        reader: VideoReader,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        new_tracker: Callable[[], FaceTracker],
        telemetry: Telemetry,
        min_face_size_px: int,
        frames_at_once: int,
    ) -> None:
        self._reader = reader
        self._detector = detector
        self._classifier = classifier
        self._new_tracker = new_tracker
        self._telemetry = telemetry
        self._min_face_size_px = min_face_size_px
        self._frames_at_once = frames_at_once

    async def execute(self, command: AnalyseVideoCommand, listener: VideoListener) -> VideoSummary:
        """Analyse a video from front to back.

        Raises:
            InvalidRequest: the wanted frames make no sense.
            InvalidVideo, VideoTooLarge, OSError: see ``VideoReader.open``.
            InferenceUnavailable: detector or classifier cannot run.
        """
        _check(command)
        damages: list[Damage] = []
        followed = FollowedFaces(self._new_tracker(), command.every_s)
        async with self._reader.open(command.path) as video:
            await listener.opened(video.facts)
            wanted = video.frames(every_s=command.every_s, from_s=command.from_s, to_s=command.to_s)
            async with aclosing(self._looked_at(wanted, damages)) as frames:
                async for frame, faces in frames:
                    await listener.analysed(followed.take(frame, faces))
            return VideoSummary(
                facts=video.facts,
                frames=followed.frames,
                tracks=followed.tracks(),
                damages=tuple(damages),
                truncated=followed.is_truncated,
            )

    async def _looked_at(
        self, items: AsyncIterator[VideoFrame | Damage], damages: list[Damage]
    ) -> AsyncGenerator[tuple[VideoFrame, list[Face]]]:
        """The frames in order with their faces, some of them in work ahead."""
        ahead: deque[asyncio.Task[tuple[VideoFrame, list[Face]]]] = deque()
        try:
            async for item in items:
                if isinstance(item, Damage):
                    damages.append(item)
                    continue
                ahead.append(asyncio.create_task(self._look_at(item)))
                if len(ahead) >= self._frames_at_once:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _look_at(self, frame: VideoFrame) -> tuple[VideoFrame, list[Face]]:
        with self._telemetry.stage("detect"):
            found = await self._detector.detect(
                frame.image, min_size_px=self._min_face_size_px, priority=Priority.BULK
            )
        with self._telemetry.stage("classify"):
            readings = await self._classifier.classify(frame.image, found, priority=Priority.BULK)
        return frame, [Face(*pair) for pair in zip(found, readings, strict=True)]


def _check(command: AnalyseVideoCommand) -> None:
    if not 1 / MOST_FRAMES_PER_SECOND <= command.every_s <= 3600:
        raise InvalidRequest("between 1/30 second and an hour may lie between two analysed frames")
    if command.from_s < 0 or (command.to_s is not None and command.to_s <= command.from_s):
        raise InvalidRequest("the part of the video to analyse ends before it begins")
