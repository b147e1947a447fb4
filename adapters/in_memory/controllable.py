"""What every asynchronous fake extends, so that tests can make it fail or wait."""

from __future__ import annotations

import asyncio


class Controllable:
    """Makes a fake fail or wait, and behave again."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._gate: asyncio.Event | None = None

    def fail_with(self, error: Exception) -> None:
        """Raise this from every call until ``recover``."""
        self._error = error

    def recover(self) -> None:
        """Work again."""
        self._error = None

    def hold(self) -> None:
        """Make every call wait from now on, until ``release``."""
        self._gate = asyncio.Event()

    def release(self) -> None:
        """Let the waiting calls, and all later ones, continue."""
        if self._gate is not None:
            self._gate.set()
        self._gate = None

    async def _wait_or_fail(self) -> None:
        """Wait while held, then raise the error that was set. Every call begins with this."""
        if self._gate is not None:
            await self._gate.wait()
        if self._error is not None:
            raise self._error
