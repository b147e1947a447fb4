"""Analysing a recorded video: its faces frame by frame, and a summary."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from application.faces import EveryFace, FaceReader
from application.ports.face_tracker import FaceTracker
from application.ports.video_reader import VideoFacts, VideoFrame, VideoReader
from application.tracking.face_tracking import FaceTracking
from application.work.priority import Priority
from domain.face import Face
from domain.session import TrackSummary
from domain.tracking import kept_from_px
from domain.video import AnalysedFrame, Sampling, UnreadablePart, with_unreadable_part

_SAME_TIME_S = 1e-6

_Read = tuple[VideoFrame, Sequence[Face]] | UnreadablePart


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """The summary of a video.

    Attributes:
        facts: what the file says about itself.
        frames: how many were analysed.
        tracks: its faces, in the order they appeared.
        unreadable_parts: stretches that could not be read.
        truncated: True if faces or seconds were left out because there were too many.
    """

    facts: VideoFacts
    frames: int
    tracks: tuple[TrackSummary, ...]
    unreadable_parts: tuple[UnreadablePart, ...] = ()
    truncated: bool = False


class VideoListener(Protocol):
    """Receives the progress of a video."""

    async def opened(self, facts: VideoFacts) -> None:
        """The video can be read."""
        ...

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame was analysed; frames come in order."""
        ...

    async def unreadable(self, part: UnreadablePart) -> None:
        """A stretch cannot be read."""
        ...


class AnalyseVideo:
    """Reads the wanted frames, finds and reads their faces, and tracks them in order.

    Every wanted frame is analysed. Several are in work at the same time; tracking goes in order.
    All of it has a lower priority than images and live sessions.

    Args:
        video_reader: opens the file.
        face_reader: finds and reads the faces of a frame.
        new_tracker: makes a tracker for one video.
        min_face_size_px: of the longer side of a face when it is first seen, in pixels of the
            video.
        frames_at_once: how many frames may be in work, which bounds the memory.
    """

    def __init__(
        self,
        *,
        video_reader: VideoReader,
        face_reader: FaceReader,
        new_tracker: Callable[[], FaceTracker],
        min_face_size_px: int,
        frames_at_once: int,
    ) -> None:
        self._video_reader = video_reader
        self._face_reader = face_reader
        self._new_tracker = new_tracker
        self._min_face_size_px = min_face_size_px
        self._search = EveryFace(min_face_size_px, also_from_px=kept_from_px(min_face_size_px))
        self._frames_at_once = frames_at_once

    async def execute(
        self,
        path: Path,
        sampling: Sampling,
        listener: VideoListener,
        *,
        done: AsyncIterator[Sequence[AnalysedFrame]] | None = None,
        unreadable_before: Sequence[UnreadablePart] = (),
    ) -> VideoSummary:
        """Analyse a video from the start, or from where the work was interrupted.

        Args:
            path: the file.
            sampling: which frames are wanted.
            listener: receives the progress.
            done: the frames that were analysed before an interruption, in order; None to start from
                the beginning.
            unreadable_before: those reported before the interruption.

        Raises:
            InvalidVideo, VideoTooLarge, OSError: see ``VideoReader.open``.
            InferenceUnavailable: detector or classifier cannot run.
        """
        tracking = FaceTracking(
            self._new_tracker(), sampling.every_s, min_face_size_px=self._min_face_size_px
        )
        tracking.unreadable_parts = tuple(unreadable_before)
        last = await _restore_all(done, tracking)
        # Those after the last frame are found again.
        tracking.unreadable_parts = tuple(
            part for part in unreadable_before if last and part.to_s and part.to_s <= last.time_s
        )
        # The last frame is read again (and perhaps the one before): a cut after it only shows in
        # comparison.
        from_s = sampling.due_s(last.time_s) if last else sampling.from_s
        async with self._video_reader.open(path) as video:
            await listener.opened(video.facts)
            wanted = video.frames(every_s=sampling.every_s, from_s=from_s, to_s=sampling.to_s)
            items = _after(last, wanted) if last else wanted
            async with aclosing(self._read_ahead(items)) as read:
                async for item in read:
                    if isinstance(item, UnreadablePart):
                        known = tracking.unreadable_parts
                        tracking.unreadable_parts = with_unreadable_part(known, item)
                        await listener.unreadable(item)
                    elif (before := tracking.take(*item)) is not None:
                        await listener.analysed(before)
            ends = [end for end in (video.facts.duration_s, sampling.to_s) if end is not None]
            if (final := tracking.finish(min(ends, default=None))) is not None:
                await listener.analysed(final)
            return VideoSummary(
                facts=video.facts,
                frames=tracking.frames,
                tracks=tracking.tracks(),
                unreadable_parts=tracking.unreadable_parts,
                truncated=tracking.is_truncated,
            )

    async def _read_ahead(
        self, items: AsyncIterator[VideoFrame | UnreadablePart]
    ) -> AsyncGenerator[_Read]:
        """Yield the items in order, frames with their faces; the next ones are in work already."""
        ahead: deque[asyncio.Task[_Read]] = deque()
        try:
            async for item in items:
                ahead.append(asyncio.create_task(self._read(item)))
                if len(ahead) >= self._frames_at_once:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _read(self, item: VideoFrame | UnreadablePart) -> _Read:
        if isinstance(item, UnreadablePart):
            return item
        priority = Priority.BACKGROUND
        return item, await self._face_reader.read(item.image, self._search, priority=priority)


async def _restore_all(
    done: AsyncIterator[Sequence[AnalysedFrame]] | None, tracking: FaceTracking
) -> AnalysedFrame | None:
    """Track the faces of frames analysed before the interruption; returns the last frame."""
    last = None
    if done is not None:
        async for frames in done:
            # An hour's video has tens of thousands of frames, which would block the event loop.
            await asyncio.to_thread(_restore, frames, tracking)
            last = frames[-1] if frames else last
    return last


def _restore(frames: Sequence[AnalysedFrame], tracking: FaceTracking) -> None:
    for frame in frames:
        tracking.restore(frame)


async def _after(
    last: AnalysedFrame, items: AsyncIterator[VideoFrame | UnreadablePart]
) -> AsyncIterator[VideoFrame | UnreadablePart]:
    """The items after a frame, with scene numbers that continue from it."""
    scenes_before: int | None = None
    async for item in items:
        if isinstance(item, UnreadablePart):
            # A part that ends before this frame was reported already.
            if item.to_s is None or item.to_s > last.time_s + _SAME_TIME_S:
                yield item
            continue
        is_later = item.time_s > last.time_s + _SAME_TIME_S
        if scenes_before is None or not is_later:
            scenes_before = last.scene - item.scene
        if is_later:
            yield replace(item, scene=item.scene + scenes_before)
