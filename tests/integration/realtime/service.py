"""The whole service on a real socket, with fakes behind the ports, and a client that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import socketio
from dependency_injector import providers
from pydantic import SecretStr

from adapters.in_memory import (
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryIdentityProvider,
    InMemoryImageDecoder,
    InMemoryImageStore,
    InMemoryRefreshTokenRepository,
    InMemoryUsageLedger,
    InMemoryUserRepository,
    fake_image,
)
from adapters.system.clock import SystemClock
from domain.emotion import Emotion
from entrypoints.container import Container
from entrypoints.http.app import create_http_app
from entrypoints.realtime.app import create_socketio, realtime
from entrypoints.realtime.gate import mount
from entrypoints.realtime.server import GuardedServer
from entrypoints.settings import Settings
from tests.servers.listening import listening

NAMESPACE = "/emotion-detection"
SECRET = "0123456789abcdef-secret-of-the-tests"
PICTURE = fake_image(((100, 80, 120, 120), Emotion.HAPPY))


class ShiftedClock(SystemClock):
    """The real time, and the hours a test adds to it."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


class Client:
    """A Socket.IO client that keeps every event it receives."""

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
        await self.io.connect(url, namespaces=[NAMESPACE], auth=auth, transports=transports)

    async def emit(self, event: str, *data: Any) -> None:
        payload = data if len(data) > 1 else data[0] if data else None
        await self.io.emit(event, payload, namespace=NAMESPACE)

    async def frame(self, frame_id: int, data: bytes | str = PICTURE, **more: Any) -> None:
        await self.emit(
            "video_frame", {"frame_id": frame_id, "timestamp": 1.5, "data": data, **more}
        )

    async def start(self, **config: Any) -> None:
        await self.emit("control", {"action": "start", "config": config})
        assert (await self.next("status"))["message"] in {"started", "already running"}

    async def next(self, event: str) -> Any:
        """The payload of the next event of this name that has not been looked at."""
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
        """Send something that should not be accepted and hand back the error."""
        await self.emit(event, *data)
        return await self.next("error_message")

    async def is_served(self) -> bool:
        """Whether the service still answers."""
        await self.emit("ping", {})
        await self.next("pong")
        return True


@dataclass
class Service:
    """A running service and what stands behind it."""

    url: str
    port: int
    container: Container
    server: GuardedServer
    stack: AsyncExitStack
    clock: ShiftedClock
    decoder: InMemoryImageDecoder
    detector: InMemoryFaceDetector
    identity: InMemoryIdentityProvider
    repository: InMemoryDetectionRepository

    async def token(self, email: str = "alice@example.com") -> str:
        signed_in = await self.container.sign_in().execute(self.identity.enrol(email))
        return str(signed_in.tokens.access.value)

    async def client(
        self, email: str = "alice@example.com", *, transports: tuple[str, ...] = ("websocket",)
    ) -> Client:
        """A client of this user that is connected."""
        client = Client()
        await client.connect(self.url, {"token": await self.token(email)}, list(transports))
        self.stack.push_async_callback(client.io.disconnect)
        return client

    @property
    def sessions(self) -> int:
        return len(self.container.stream_sessions())

    async def until_sessions(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.sessions != count:  # noqa: ASYNC110 (nothing is announced)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_service(**changes: Any) -> AsyncIterator[Service]:
    """Start a service whose settings differ in ``changes`` from the defaults."""
    settings = Settings(_env_file=None, secret_key=SecretStr(SECRET), **changes)
    container = Container(settings=settings)
    fakes: dict[str, Any] = {
        "clock": ShiftedClock(),
        "decoder": InMemoryImageDecoder(max_pixels=settings.max_pixels),
        "frame_decoder": InMemoryImageDecoder(max_pixels=settings.max_frame_pixels),
        "face_detector": InMemoryFaceDetector(),
        "emotion_classifier": InMemoryEmotionClassifier(),
        "repository": InMemoryDetectionRepository(),
        "spool": InMemoryDetectionSpool(),
        "image_store": InMemoryImageStore(),
        "users": InMemoryUserRepository(),
        "refresh_token_repository": InMemoryRefreshTokenRepository(),
        "usage_ledger": InMemoryUsageLedger(),
        "identity_provider": InMemoryIdentityProvider(),
    }
    for name, fake in fakes.items():
        getattr(container, name).override(providers.Object(fake))
    server = create_socketio(container)
    http = create_http_app(container, lifespan=[lambda _app: realtime(container, server)])
    async with (
        listening(
            mount(server, http),
            ws_per_message_deflate=False,
            ws_max_size=16 * 2**20,
            timeout_graceful_shutdown=2,
        ) as port,
        AsyncExitStack() as stack,
    ):
        yield Service(
            url=f"http://127.0.0.1:{port}",
            port=port,
            container=container,
            server=server,
            stack=stack,
            clock=fakes["clock"],
            decoder=fakes["frame_decoder"],
            detector=fakes["face_detector"],
            identity=fakes["identity_provider"],
            repository=fakes["repository"],
        )
