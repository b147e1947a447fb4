"""The whole service on a real socket, with fakes for its ports, and a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import socketio

from adapters.in_memory import fake_image
from adapters.system.clock import SystemClock
from domain.emotion import Emotion
from entrypoints.container import Container
from entrypoints.http.app import create_http_app
from entrypoints.process.gauges import register_gauges
from entrypoints.realtime.app import create_socketio, realtime
from entrypoints.realtime.gate import mount
from tests.integration.fakes import Fakes, container_with
from tests.servers.listening import listening

NAMESPACE = "/emotion-detection"
PICTURE = fake_image(((100, 80, 120, 120), Emotion.HAPPY))


class ShiftedClock(SystemClock):
    """The real time plus what a test adds; waiting takes real time."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift

    def monotonic(self) -> float:
        return super().monotonic() + self.shift.total_seconds()


class Client:
    """A Socket.IO client that keeps every received event."""

    def __init__(self) -> None:
        self.io = socketio.AsyncClient(reconnection=False)
        self.events: list[tuple[str, Any]] = []
        self.gone = asyncio.Event()
        self._arrived = asyncio.Event()
        self._seen = 0

        @self.io.on("*", namespace=NAMESPACE)
        async def keep(event: str, *data: Any) -> None:
            self.events.append((event, data[0] if data else None))
            self._arrived.set()

        @self.io.on("disconnect", namespace=NAMESPACE)
        async def left(*reason: Any) -> None:
            self.gone.set()

    async def connect(self, url: str, auth: Any, transports: list[str]) -> None:
        await self.io.connect(
            url, namespaces=[NAMESPACE], auth=auth, transports=transports, wait_timeout=60
        )

    async def emit(self, event: str, *data: Any) -> None:
        payload = data if len(data) > 1 else data[0] if data else None
        await self.io.emit(event, payload, namespace=NAMESPACE)

    async def frame(self, frame_id: int, data: Any = PICTURE, **more: Any) -> None:
        await self.emit(
            "video_frame", {"frame_id": frame_id, "timestamp": 1.5, "data": data, **more}
        )

    async def start(self, **config: Any) -> None:
        await self.emit("control", {"action": "start", "config": config})
        assert (await self.next("status"))["message"] in {"started", "already running"}

    async def next(self, event: str) -> Any:
        """The payload of the next event with this name that was not returned yet."""
        async with asyncio.timeout(60):
            while True:
                while self._seen < len(self.events):
                    name, payload = self.events[self._seen]
                    self._seen += 1
                    if name == event:
                        return payload
                self._arrived.clear()
                await self._arrived.wait()

    async def refused(self, event: str, *data: Any) -> Any:
        """Send something that should be refused; returns the error."""
        await self.emit(event, *data)
        return await self.next("error_message")

    async def is_served(self) -> bool:
        """Whether the service still answers this client."""
        await self.emit("ping", {})
        await self.next("pong")
        return True


class Service(Fakes[ShiftedClock]):
    """A running service and its fakes."""

    def __init__(self, container: Container, stack: AsyncExitStack) -> None:
        super().__init__(container.settings(), ShiftedClock())
        self.container = container
        self.stack = stack

    async def begin(self) -> None:
        """Listen on a free port."""
        container = self.container
        self.stack.enter_context(self.within(container))
        self.server = server = create_socketio(container)
        register_gauges(container)
        http = create_http_app(container, lifespan=[lambda _app: realtime(container, server)])
        listens = listening(
            mount(server, http),
            timeout_graceful_shutdown=2,
        )
        self.port = await self.stack.enter_async_context(listens)
        self.url = f"http://127.0.0.1:{self.port}"

    async def token(self, email: str = "alice@example.com") -> str:
        signed_in = await self.container.accounts().sign_in().execute(self.identity.enrol(email))
        return str(signed_in.tokens.access.value)

    async def client(
        self, email: str = "alice@example.com", *, transports: tuple[str, ...] = ("websocket",)
    ) -> Client:
        """A connected client of this user."""
        client = Client()
        await client.connect(self.url, {"token": await self.token(email)}, list(transports))
        self.stack.push_async_callback(client.io.disconnect)
        return client

    async def fall_behind(self, client: Client) -> None:
        """Let one frame of a running session take three seconds while seven more arrive."""
        await client.frame(0)
        await client.next("detection_result")
        self.frame_decoder.hold()
        for number in range(1, 9):
            await client.frame(number)
        assert await client.is_served()  # events arrive in order, so the frames have arrived too
        self.clock.shift += timedelta(seconds=3)
        self.frame_decoder.release()

    @property
    def sessions(self) -> int:
        return len(self.container.realtime().stream_sessions())

    async def until_sessions(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.sessions != count:  # noqa: ASYNC110 (nothing is announced)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_service(**changes: Any) -> AsyncIterator[Service]:
    """Start a service with default settings and ``changes``."""
    async with AsyncExitStack() as stack:
        service = Service(container_with(**changes), stack)
        await service.begin()
        yield service
