"""The background task that analyses recorded videos."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from uuid import uuid4

from application.errors import ServiceUnavailable, StoreUnavailable, unexpected
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from application.use_cases.analyse_video import AnalyseVideo, VideoSummary
from application.use_cases.erase_videos import EraseVideos
from application.videos.progress import HELD_FOR, NotHeld, VideoProgress
from application.work.cancellation import uninterrupted
from domain.detection import Detection
from domain.errors import DomainError, NotFound
from domain.session import SessionSummary
from domain.video import Video, VideoDetails, VideoFault, VideoLimits, VideoStatus

BEAT_S = 0.4
POLL_S = 1.0
TURN_S = 60.0
RETRY_S = 10.0
MAX_ATTEMPTS = 20
_NO_FILE = "the file of the video is not there any more"

log = logging.getLogger(__name__)


class WorkOnVideos:
    """Analyses waiting videos, a few at a time, until each has its entry in the history.

    Results are written every few seconds, and a process that claims a video later continues from
    there. The entry has the video's own id, so that making it again after a crash makes no second
    one. A video that takes long gives way to the videos of other users every minute.

    Args:
        repository: for the records, which are the queue.
        store: for the files.
        history: for the entries.
        clock: for the time.
        analyse: does the work.
        erase_videos: finishes interrupted erasures.
        limits: for a video.
        instance_id: the name of this process's data folder; no other running process has the same.
        workers: how many videos are analysed at once; 0 leaves them to other processes.
    """

    def __init__(
        self,
        *,
        repository: VideoRepository,
        store: VideoStore,
        history: DetectionRepository,
        clock: Clock,
        analyse: AnalyseVideo,
        erase_videos: EraseVideos,
        limits: VideoLimits,
        instance_id: str,
        workers: int,
    ) -> None:
        self._repository = repository
        self._store = store
        self._history = history
        self._clock = clock
        self._analyse = analyse
        self._erase_videos = erase_videos
        self._limits = limits
        self._instance_id = instance_id
        self._holder = f"{instance_id}/{uuid4().hex}"
        self._workers = workers
        self._submitted = asyncio.Event()

    @property
    def holder(self) -> str:
        """The name under which this process holds videos."""
        return self._holder

    def wake(self) -> None:
        """Check at once whether a video waits."""
        self._submitted.set()

    async def run(self) -> None:
        """Analyse waiting videos, also those of an earlier run; ends only when cancelled."""
        while True:
            try:
                await self._repository.end_runs(self._instance_id)
                break
            except StoreUnavailable as error:
                log.warning("videos cannot be claimed now: %s", error)
                await self._clock.sleep(RETRY_S)
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._workers):
                workers.create_task(self._serve())

    async def work_once(self) -> bool:
        """Analyse the next video until it is done or interrupted; False if none waits.

        Raises:
            StoreUnavailable: the records cannot be read.
        """
        now = self._clock.now()
        video = await self._repository.claim(holder=self._holder, now=now, until=now + HELD_FOR)
        if video is None:
            return False
        if video.status is VideoStatus.RUNNING:
            await self._work_on(video)
        else:
            # Its file was never stored, or erasing it was interrupted.
            await self._erase_videos.erase(video)
        return True

    async def _serve(self) -> None:
        while True:
            try:
                self._submitted.clear()
                if await self.work_once():
                    continue
                wait_s = POLL_S
            except Exception as error:
                log.warning("videos cannot be claimed now: %s", error, exc_info=unexpected(error))
                wait_s = RETRY_S
            await self._wait(wait_s)

    async def _wait(self, timeout_s: float) -> None:
        waits = [
            asyncio.ensure_future(self._submitted.wait()),
            asyncio.ensure_future(self._clock.sleep(timeout_s)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _work_on(self, video: Video) -> None:
        progress = VideoProgress(
            video,
            holder=self._holder,
            limits=self._limits,
            repository=self._repository,
            clock=self._clock,
        )
        if video.attempts > MAX_ATTEMPTS:
            log.error("video %s was given up: it made no progress", video.video_id)
            fault = VideoFault("internal_error", "the work on the video failed again and again")
            await _leave(progress, video.failed(fault))
            return
        work = asyncio.create_task(self._analyse_to_end(progress))
        beat = asyncio.create_task(self._beat(progress))
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also if this process ends, so that the next one has the results so far.
            beat.cancel()
            work.cancel()
            await uninterrupted(self._interrupt(progress, work, beat))

    async def _interrupt(
        self, progress: VideoProgress, work: asyncio.Task[bool], beat: asyncio.Task[None]
    ) -> None:
        ended, _ = await asyncio.gather(work, beat, return_exceptions=True)
        if ended is not True:
            # Otherwise a video that has no frame in its whole turn would come back without end.
            is_stuck = progress.worked_s > TURN_S and not progress.has_frames
            await _leave(progress, progress.attempted() if is_stuck else progress.interrupted())
        try:
            # Whoever had a long turn, alone, is not the next as soon as somebody else waits.
            await self._repository.end_turn(progress.video.user_id, self._clock.now())
        except StoreUnavailable as error:
            log.warning("the end of a turn cannot be written now: %s", error)

    async def _beat(self, progress: VideoProgress) -> None:
        """Renew the lease; ends when it is lost, or when another user waits."""
        while True:
            await self._clock.sleep(BEAT_S)
            try:
                await progress.beat()
                if progress.worked_s > TURN_S and await self._repository.others_wait(
                    progress.video.user_id, self._clock.now()
                ):
                    return
            except NotHeld:
                return
            except StoreUnavailable as error:
                log.warning("video %s cannot be written now: %s", progress.video.video_id, error)

    async def _analyse_to_end(self, progress: VideoProgress) -> bool:
        """Analyse a video until it is done or has failed.

        Returns:
            True if nothing is left to be written.
        """
        try:
            summary = await self._analyse_frames(progress)
            await self._finish(progress, summary)
        except NotHeld:
            return False
        except DomainError as error:
            log.info("video %s failed: %s", progress.video.video_id, error)
            await _leave(progress, progress.video.failed(VideoFault(error.code, str(error))))
        except ServiceUnavailable as error:
            log.warning("video %s will be retried: %s", progress.video.video_id, error)
            await _leave(progress, progress.interrupted(), pause_s=RETRY_S)
        except Exception:
            log.exception("the work on video %s failed unexpectedly", progress.video.video_id)
            await _leave(progress, progress.attempted(), pause_s=RETRY_S)
        return True

    async def _analyse_frames(self, progress: VideoProgress) -> VideoSummary:
        video = progress.video
        async with self._store.local(video.user_id, video.video_id) as path:
            if path is None:
                raise NotFound(_NO_FILE)
            try:
                return await self._analyse.execute(
                    path,
                    video.sampling,
                    progress,
                    done=self._repository.frames(video.video_id),
                    unreadable_before=video.unreadable_parts,
                )
            except FileNotFoundError as error:  # it was erased before it was opened
                raise NotFound(_NO_FILE) from error

    async def _finish(self, progress: VideoProgress, summary: VideoSummary) -> None:
        """Make the entry in the history, and write the video as done."""
        await progress.write()
        video = replace(progress.video, unreadable_parts=summary.unreadable_parts)
        detection = _detection_of(video, summary, progress.processing_time_s)
        await self._history.add(detection)
        try:
            await progress.leave(replace(video, status=VideoStatus.DONE, speed=None))
        except NotHeld:
            left = await self._repository.get(video.video_id)
            if left is None or left.status is VideoStatus.CANCELLED:
                await self._history.delete(video.video_id)  # It was erased meanwhile.
            raise


async def _leave(progress: VideoProgress, video: Video, *, pause_s: float = 0.0) -> None:
    """Leave a video, unless it was lost or cannot be written."""
    try:
        await progress.leave(video, pause_s=pause_s)
    except NotHeld:
        log.info("video %s was taken away or cancelled", video.video_id)
    except StoreUnavailable as error:
        log.warning("video %s cannot be written now: %s", video.video_id, error)


def _detection_of(video: Video, summary: VideoSummary, processing_time_s: float) -> Detection:
    """The record of an analysed video; making it again gives the same record.

    Args:
        video: after its last frame was analysed.
        summary: of all its frames.
        processing_time_s: the mean per frame.
    """
    end_s = video.processed_s if video.end_s is None else video.end_s
    whole = SessionSummary(
        session_id=str(video.video_id),
        video_source=video.filename,
        started_at=video.submitted_at,
        duration_s=max(end_s, video.processed_s),
        frames_received=summary.frames,
        frames_processed=summary.frames,
        frames_failed=0,
        frames_dropped=0,
        mean_processing_time_s=processing_time_s,
        width=summary.facts.width,
        height=summary.facts.height,
        tracks=summary.tracks,
        truncated=summary.truncated,
    )
    details = VideoDetails(video.sampling.every_s, summary.unreadable_parts)
    return Detection.of_summary(video.video_id, video.user_id, whole, details)
