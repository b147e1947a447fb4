"""A realtime client in Python: sends a clip at a steady rate and measures what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import socketio

NAMESPACE = "/emotion-detection"


@dataclass
class Measured:
    """The measurements of one client.

    Attributes:
        sent: frames sent.
        latencies_s: from sending a frame to receiving its result, in seconds, by one clock.
        dropped: frames that the service dropped, by its summary.
        failed: frames it answered by an error.
        advised: frame rates it recommended.
        duration_s: from the first frame to the last result.
    """

    sent: int = 0
    latencies_s: list[float] = field(default_factory=list)
    dropped: int = 0
    failed: int = 0
    advised: list[float] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def results_per_s(self) -> float:
        """Results a second."""
        return len(self.latencies_s) / self.duration_s if self.duration_s else 0.0


class RealtimeClient:
    """Plays a clip to the service.

    Args:
        url: of the service.
        token: of a user.
        config: for the session.
    """

    def __init__(self, url: str, token: str, config: dict[str, Any]) -> None:
        self.measured = Measured()
        self._url = url
        self._token = token
        self._config = config
        self._sent_at: dict[int, float] = {}
        self._summary: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._io = socketio.AsyncClient(reconnection=False)
        self._io.on("detection_result", self._on_result, namespace=NAMESPACE)
        self._io.on("error_message", self._on_error, namespace=NAMESPACE)
        self._io.on("session_summary", self._on_summary, namespace=NAMESPACE)

    async def play(
        self, clip: Sequence[bytes], *, rate: float, seconds: float, offset_s: float = 0.0
    ) -> Measured:
        """Connect, play the clip in a loop, stop, and return the measurements."""
        await self._io.connect(
            self._url,
            namespaces=[NAMESPACE],
            auth={"token": self._token},
            transports=["websocket"],
        )
        await self._emit("control", {"action": "start", "config": self._config})
        await asyncio.sleep(offset_s)
        started = time.perf_counter()
        for number in range(round(rate * seconds)):
            wait_s = started + number / rate - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._sent_at[number] = time.perf_counter()
            self.measured.sent += 1
            await self._emit(
                "video_frame",
                {"frame_id": number, "timestamp": time.time(), "data": clip[number % len(clip)]},
            )
        self.measured.duration_s = time.perf_counter() - started
        await self._emit("control", {"action": "stop"})
        summary = await asyncio.wait_for(self._summary, 30)
        self.measured.dropped = summary["frames"]["dropped"]
        self.measured.failed = summary["frames"]["failed"]
        await self._io.disconnect()
        return self.measured

    async def _emit(self, event: str, payload: dict[str, Any]) -> None:
        await self._io.emit(event, payload, namespace=NAMESPACE)

    async def _on_result(self, result: dict[str, Any]) -> None:
        self.measured.latencies_s.append(
            time.perf_counter() - self._sent_at.pop(result["frame_id"])
        )

    async def _on_error(self, error: dict[str, Any]) -> None:
        if "recommended_value" in error:
            self.measured.advised.append(error["recommended_value"])

    async def _on_summary(self, summary: dict[str, Any]) -> None:
        self._summary.set_result(summary)
