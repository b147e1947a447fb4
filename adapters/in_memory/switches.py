"""Switches of every asynchronous fake, with which tests make it fail or wait."""

from __future__ import annotations

import asyncio


class Switches:
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

    async def _obey(self) -> None:
        """Wait or fail as the switches say. Every call begins with this."""
        if self._gate is not None:
            await self._gate.wait()
        if self._error is not None:
            raise self._error
