"""Showing users their own recorded videos."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from application.accounts.credentials import (
    VERIFY_EVERY_S,
    Credential,
    VerifyToken,
    verify_again,
)
from application.accounts.links import LinkSignature, LinkSigner
from application.accounts.ownership import require_owned
from application.ports.clock import Clock
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoPart, VideoStore
from domain.errors import NotFound
from domain.user import User
from domain.video import AnalysedFrame, Video, VideoStatus

_POLL_S = 0.5
_REPEAT_S = 15.0
_LISTED = (VideoStatus.QUEUED, VideoStatus.RUNNING, VideoStatus.FAILED)
_MAX_LISTED = 100


class ReadVideos:
    """Shows users their own videos: the records, the analysed frames, and the files.

    Args:
        repository: for the records and frames.
        store: for the files.
        links: checks the links to files.
        verify_token: verifies the tokens of those who follow a video again.
        clock: for the time.
    """

    def __init__(
        self,
        *,
        repository: VideoRepository,
        store: VideoStore,
        links: LinkSigner,
        verify_token: VerifyToken,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._store = store
        self._links = links
        self._verify_token = verify_token
        self._clock = clock
        self._is_stopped = False

    async def one(self, user: User, video_id: UUID) -> Video:
        """One record.

        Raises:
            NotFound: there is no such video.
            Forbidden: it belongs to another user.
        """
        return await require_owned_video(self._repository, user, video_id)

    async def unfinished(self, user: User) -> Sequence[Video]:
        """The videos without an entry in the history: those that are queued, running or failed; at
        most a hundred, the newest first.
        """
        return await self._repository.newest(user.user_id, _LISTED, limit=_MAX_LISTED)

    async def changes(
        self, user: User, video_id: UUID, credential: Credential
    ) -> AsyncGenerator[Video, None]:
        """Yield the video now, and at every change, at most twice a second, until the work has
        ended.

        A video that does not change for long is yielded again, so that the connection stays open.
        If the video is erased meanwhile, the last one yielded is cancelled. When the token is not
        accepted any more, nothing more is yielded.

        Raises:
            NotFound, Forbidden: see ``one``.
        """
        shown = await self.one(user, video_id)
        yield shown
        yielded_s = verified_s = self._clock.monotonic()
        while not shown.status.is_final and not self._is_stopped:
            await self._clock.sleep(_POLL_S)
            if credential.has_expired(self._clock.now()):
                return
            if self._clock.monotonic() - verified_s >= VERIFY_EVERY_S:
                use = f"a follower of video {video_id}"
                if await verify_again(self._verify_token, credential, use) is not None:
                    return
                verified_s = self._clock.monotonic()
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


async def require_owned_video(repository: VideoRepository, user: User, video_id: UUID) -> Video:
    """The video of a user.

    Raises:
        NotFound: there is no such video.
        Forbidden: it belongs to another user.
    """
    video = await repository.get(video_id)
    if video is not None and video.status is VideoStatus.RECEIVING:
        video = None
    return require_owned(video, user, "video")


def _no_video() -> NotFound:
    return NotFound("there is no such video")
