"""The use cases of a user's own recorded videos."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from application.accounts.links import LinkSignature, LinkSigner
from application.accounts.ownership import require_owned
from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.video_reader import VideoReader
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoPart, VideoStore
from application.work.cancellation import uninterrupted
from domain.errors import NotFound
from domain.user import User
from domain.video import AnalysedFrame, Sampling, Video, VideoStatus
from domain.video_limits import VideoLimits

_PUT_WITHIN = timedelta(minutes=30)
_POLL_S = 0.5
_REPEAT_S = 15.0
_LISTED = (VideoStatus.QUEUED, VideoStatus.RUNNING, VideoStatus.FAILED)
_MAX_LISTED = 100

log = logging.getLogger(__name__)


class SubmitVideo:
    """Accepts a video, to be analysed in its turn.

    Args:
        repository: for the record.
        store: for the file.
        reader: checks that it is a video.
        limits: for one video, and for one user.
        clock: for the time.
        holder: this process; holds a video until its file is kept.
        submitted: called after a video was added.
    """

    def __init__(
        self,
        *,
        repository: VideoRepository,
        store: VideoStore,
        reader: VideoReader,
        limits: VideoLimits,
        clock: Clock,
        holder: str,
        submitted: Callable[[], None],
    ) -> None:
        self._repository = repository
        self._store = store
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._holder = holder
        self._submitted = submitted
        self._coming_in: Counter[str] = Counter()
        # An open file may need hundreds of megabytes, so the files of many senders take turns.
        self._reading = asyncio.Lock()

    @asynccontextmanager
    async def hold_place(self, user: User) -> AsyncIterator[None]:
        """Hold one of a user's places while a video is received, so that no upload is wasted.

        Raises:
            TooManyVideos: the user has as many unfinished videos as allowed.
        """
        self._coming_in[user.user_id] += 1
        try:
            videos = await self._repository.of_user(user.user_id)
            # Videos that are being received are counted in ``_coming_in``.
            taken = sum(
                not video.status.is_final and video.status is not VideoStatus.RECEIVING
                for video in videos
            )
            if taken + self._coming_in[user.user_id] > self._limits.max_unfinished:
                raise self._limits.too_many()
            yield
        finally:
            self._coming_in[user.user_id] -= 1
            if not self._coming_in[user.user_id]:
                del self._coming_in[user.user_id]

    async def execute(
        self,
        user: User,
        chunks: AsyncIterator[bytes],
        *,
        filename: str | None,
        size_bytes: int,
        sampling: Sampling,
    ) -> Video:
        """Keep file and record; once this returns, a crash cannot lose the video.

        Args:
            user: the owner.
            chunks: the bytes of the file.
            filename: as the sender named it.
            size_bytes: of the file.
            sampling: which frames to analyse.

        Raises:
            VideoTooLarge, VideoTooLong: it exceeds the limits.
            InvalidVideo: it cannot be read.
            InvalidRequest: the part to analyse begins after the end.
            TooManyVideos: the user has as many unfinished videos as allowed.
            StoreUnavailable: it could not be stored, and nothing of it was kept.
        """
        self._limits.check_size(size_bytes)
        async with self._store.received(chunks) as path:
            async with self._reading, self._reader.open(path) as opened:
                facts = opened.facts
            self._limits.check_length(facts.start_s, facts.duration_s)
            sampling.check_within(facts.duration_s)
            video = Video(
                video_id=uuid4(),
                user_id=user.user_id,
                filename=filename,
                media_type=facts.media_type,
                size_bytes=size_bytes,
                submitted_at=self._clock.now(),
                sampling=sampling,
                width=facts.width,
                height=facts.height,
                duration_s=facts.duration_s,
                processed_s=sampling.from_s,
            )
            # The record comes first: a file without a record could never be found and erased.
            now = self._clock.now()
            if not await self._repository.add(
                video,
                holder=self._holder,
                until=now + _PUT_WITHIN,
                limit=self._limits.max_unfinished,
            ):
                raise self._limits.too_many()
            try:
                await self._store.put(video.user_id, video.video_id, path)
                queued = replace(video, status=VideoStatus.QUEUED)
                if not await self._repository.update(queued, holder=self._holder, until=now):
                    raise NotFound("the account was erased while the video came in")
            except BaseException:
                await uninterrupted(self._take_back(video))
                raise
        self._submitted()
        return queued

    async def _take_back(self, video: Video) -> None:
        try:
            await self._repository.cancel(video.video_id)
            await self._store.delete(video.user_id, video.video_id)
            await self._repository.delete(video.video_id)
        except StoreUnavailable as error:
            log.warning("the remains of video %s are erased later: %s", video.video_id, error)


class ReadVideos:
    """Shows users their own videos: the records, the analysed frames, and the files."""

    def __init__(
        self,
        *,
        repository: VideoRepository,
        store: VideoStore,
        links: LinkSigner,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._store = store
        self._links = links
        self._clock = clock
        self._is_stopped = False

    async def one(self, user: User, video_id: UUID) -> Video:
        """One record.

        Raises:
            NotFound: there is no such video.
            Forbidden: it belongs to another user.
        """
        return await _require_owned(self._repository, user, video_id)

    async def unfinished(self, user: User) -> Sequence[Video]:
        """The videos without an entry in the history: those that are queued, running or failed; at
        most a hundred, the newest first.
        """
        videos = await self._repository.of_user(user.user_id)
        return [video for video in reversed(videos) if video.status in _LISTED][:_MAX_LISTED]

    async def changes(self, user: User, video_id: UUID) -> AsyncIterator[Video]:
        """Yield the video now, and at every change, at most twice a second, until the work has
        ended.

        A video that does not change for long is yielded again, so that the connection stays open.
        If the video is erased meanwhile, the last one yielded is cancelled.

        Raises:
            NotFound, Forbidden: see ``one``.
        """
        shown = await self.one(user, video_id)
        yield shown
        yielded_s = self._clock.monotonic()
        while not shown.status.is_final and not self._is_stopped:
            await self._clock.sleep(_POLL_S)
            video = await self._repository.get(video_id)
            if video is None:
                video = replace(shown, status=VideoStatus.CANCELLED)
            if video != shown or self._clock.monotonic() - yielded_s >= _REPEAT_S:
                shown, yielded_s = video, self._clock.monotonic()
                yield shown

    def stop(self) -> None:
        """End all ``changes``, because the service stops; clients connect to another process."""
        self._is_stopped = True

    async def frames(self, user: User, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The analysed frames in order, in batches; while the video is analysed, those so far.

        Raises:
            NotFound, Forbidden: see ``one``.
        """
        await self.one(user, video_id)
        async for frames in self._repository.frames(video_id):
            yield frames

    async def linked(self, path: str, signature: LinkSignature, video_id: UUID) -> Video:
        """The video of a signed link.

        Args:
            path: the one that the link was made for.
            signature: of the link.
            video_id: of the video under the path.

        Raises:
            InvalidLink: the link is forged, for another path, or has expired.
            NotFound: the video was erased.
        """
        self._links.check(path, signature)
        video = await self._repository.get(video_id)
        if video is None or video.status in (VideoStatus.RECEIVING, VideoStatus.CANCELLED):
            raise _no_video()
        return video

    async def part(self, video: Video, *, start: int, end: int | None) -> VideoPart:
        """A stretch of the file of a linked video.

        Raises:
            NotFound: the file was erased.
        """
        found = await self._store.read(video.user_id, video.video_id, start=start, end=end)
        if found is None:
            raise _no_video()
        return found


class EraseVideos:
    """Ends the work on videos and erases file, entry in the history, record and frames."""

    def __init__(
        self, *, repository: VideoRepository, store: VideoStore, history: DetectionRepository
    ) -> None:
        self._repository = repository
        self._store = store
        self._history = history

    async def one(self, user: User, video_id: UUID) -> None:
        """Erase one of a user's own videos.

        Raises:
            NotFound, Forbidden: see ``ReadVideos.one``.
            StoreUnavailable: see ``erase``.
        """
        await self.erase(await _require_owned(self._repository, user, video_id))
        try:
            await self._history.wipe()
        except StoreUnavailable as error:
            log.warning("traces of a video may stay on the disk for a minute: %s", error)

    async def erase(self, video: Video) -> bool:
        """Erase a video; False if it was erased already.

        If a store fails half way, the video stays as a cancelled one, and is erased later.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        # First, so that no process continues to work on it. The record goes last, so that the rest
        # can still be found after a failure.
        if not await self._repository.cancel(video.video_id):
            return False
        await self._store.delete(video.user_id, video.video_id)
        await self._history.delete(video.video_id)
        return await self._repository.delete(video.video_id)

    async def of_detection(self, detection_id: UUID) -> None:
        """Erase the video of an entry in the history, if it has one.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        video = await self._repository.get(detection_id)
        if video is not None:
            await self.erase(video)

    async def everything(self, user_id: str) -> int:
        """Erase every video of a user; returns how many there were.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        videos = await self._repository.of_user(user_id)
        return sum([await self.erase(video) for video in videos])


async def _require_owned(repository: VideoRepository, user: User, video_id: UUID) -> Video:
    video = await repository.get(video_id)
    if video is not None and video.status is VideoStatus.RECEIVING:
        video = None
    return require_owned(video, user, "video")


def _no_video() -> NotFound:
    return NotFound("there is no such video")
