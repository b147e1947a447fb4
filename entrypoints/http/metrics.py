"""The metrics of this process as text."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, generate_latest


class MetricsText:
    """Renders the metrics, once for all who asked since the last time.

    Rendering takes some milliseconds of processor time, so many requests at once would delay
    everything else.

    Args:
        registry: of the metrics.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._rendering = asyncio.Lock()
        self._next: asyncio.Task[bytes] | None = None

    async def render(self) -> bytes:
        """All metrics as they are after this call, in the text format of Prometheus."""
        if self._next is None:
            self._next = asyncio.create_task(self._render(), name="metrics")
        return await asyncio.shield(self._next)

    async def _render(self) -> bytes:
        async with self._rendering:
            self._next = None
            # In a thread: some of them are read off the disk.
            return await asyncio.to_thread(generate_latest, self._registry)
