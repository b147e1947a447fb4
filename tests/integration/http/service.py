"""The service on a real socket, wired by the real container, with fakes behind every port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from dependency_injector import providers

from adapters.in_memory import InMemoryClock, fake_image
from domain.emotion import Emotion
from entrypoints.container import Container
from entrypoints.http.app import create_http_app
from tests.integration.fakes import Fakes, container_with
from tests.servers.listening import listening

PHOTO = fake_image(((10, 20, 100, 120), Emotion.HAPPY), ((300, 40, 80, 80), Emotion.SAD))


class Service(Fakes[InMemoryClock]):
    """A running service, its fakes, and clients for it."""

    def __init__(self, url: str, container: Container, stack: AsyncExitStack) -> None:
        super().__init__(container.settings(), InMemoryClock())
        self.url = url
        self.container = container
        self.stack = stack

    async def client(self, **options: Any) -> httpx.AsyncClient:
        """A client with its own cookies; loading certificates would take most of a test."""
        client = httpx.AsyncClient(
            base_url=self.url, timeout=20, trust_env=False, verify=False, **options
        )
        return await self.stack.enter_async_context(client)

    async def signed_in(self, email: str = "alice@example.com") -> httpx.AsyncClient:
        """A client that sends the access token of a user."""
        client = await self.client()
        answer = await client.post(
            "/auth/verify-token", json={"id_token": self.identity.enrol(email)}
        )
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = "Bearer " + answer.json()["access_token"]
        return client

    async def detect(
        self, client: httpx.AsyncClient, image: bytes = PHOTO, name: str = "photo.jpg"
    ) -> httpx.Response:
        """Send one image."""
        return await client.post("/api/detect", files={"file": (name, image, "image/jpeg")})

    async def stored(self, client: httpx.AsyncClient, name: str = "photo.jpg") -> str:
        """Send an image and wait until it is stored; returns its id."""
        answer = await self.detect(client, name=name)
        assert answer.status_code == 200, answer.text
        detection_id = str(answer.json()["detection_id"])
        await self.kept(client, detection_id)
        return detection_id

    async def until(self, comes_true: Callable[[], bool]) -> None:
        """Let other tasks run until the condition holds."""
        async with asyncio.timeout(20):
            while not comes_true():  # noqa: ASYNC110 - fakes and ports announce nothing
                await asyncio.sleep(0)

    async def kept(self, client: httpx.AsyncClient, detection_id: str) -> None:
        """Wait until a detection has been stored."""
        async with asyncio.timeout(20):
            while True:
                answer = await client.get(f"/api/detect/status/{detection_id}")
                if answer.json()["status"] == "done":
                    return
                await asyncio.sleep(0)


@dataclass
class Server:
    """A listening service, whose fakes are set per test."""

    url: str
    container: Container


@asynccontextmanager
async def running_server(**changes: object) -> AsyncIterator[Server]:
    """Listen on a free port, with default settings and ``changes``."""
    with TemporaryDirectory() as folder:
        chosen: dict[str, object] = {"data_dir": Path(folder), **changes}
        container = container_with(**chosen)
        metrics = container.system().metrics
        metrics.override(providers.Object(metrics()))
        async with listening(
            create_http_app(container),
            forwarded_allow_ips=list(container.settings().server.forwarded_allow_ips),
            timeout_graceful_shutdown=5,
        ) as port:
            yield Server(f"http://127.0.0.1:{port}", container)


@asynccontextmanager
async def with_fresh_fakes(server: Server) -> AsyncIterator[Service]:
    """Use new fakes for every port, and keep storing in the background."""
    container = server.container
    async with AsyncExitStack() as stack:
        service = Service(server.url, container, stack)
        with service.within(container):
            container.reset_singletons()
            background = [
                asyncio.create_task(container.stores().carrier().run()),
                asyncio.create_task(container.video().work().run()),
            ]
            try:
                yield service
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)


@asynccontextmanager
async def running_service(**changes: object) -> AsyncIterator[Service]:
    """A separate service, with default settings and ``changes``."""
    async with running_server(**changes) as server, with_fresh_fakes(server) as service:
        yield service
