"""Deleting what has expired."""

from __future__ import annotations

import logging
from datetime import timedelta

from application.errors import unexpected
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.refresh_token_repository import RefreshTokenRepository
from application.ports.usage_ledger import UsageLedger
from application.ports.video_repository import VideoRepository

log = logging.getLogger(__name__)

EVERY_S = 60.0
# A clock that is wrong for a while must not end sign-ins.
REFRESH_TOKENS_KEPT = timedelta(days=90)
TURNS_KEPT = timedelta(days=1)
"""How long it is known, by a hash of the id, that a video of a user was worked on."""


class ForgetExpired:
    """Deletes counters of guests whose window is over, refresh tokens that expired long ago, and
    notes of users' turns.
    """

    def __init__(
        self,
        *,
        ledger: UsageLedger,
        refresh_tokens: RefreshTokenRepository,
        repository: DetectionRepository,
        videos: VideoRepository,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._refresh_tokens = refresh_tokens
        self._repository = repository
        self._videos = videos
        self._clock = clock

    async def execute(self) -> int:
        """Delete them, and wipe from the disk what was deleted since the last time.

        Returns:
            How many were deleted.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        now = self._clock.now()
        dropped = await self._ledger.delete_expired(now)
        dropped += await self._refresh_tokens.delete_expired(now - REFRESH_TOKENS_KEPT)
        dropped += await self._videos.forget_turns(now - TURNS_KEPT)
        await self._repository.wipe()
        return dropped

    async def run(self) -> None:
        """Execute every minute; ends only when cancelled."""
        while True:
            try:
                await self.execute()
            except Exception as error:
                log.warning(
                    "expired counters and tokens could not be deleted: %s",
                    error,
                    exc_info=unexpected(error),
                )
            await self._clock.sleep(EVERY_S)
