"""The service on MongoDB, Cloudinary and Firebase, each of which can be made to fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from entrypoints.asgi import create_app_from
from entrypoints.container import Container
from entrypoints.realtime.app import create_socketio
from entrypoints.settings import Settings
from tests.servers.cloudinary import API_KEY, API_SECRET, CLOUD, CloudinaryDouble
from tests.servers.firebase import PROJECT, FirebaseEmulator
from tests.servers.flaky import FlakyProxy, flaky_proxy
from tests.servers.listening import listening


@dataclass
class CloudService:
    """A running service and what it depends on."""

    container: Container
    client: httpx.AsyncClient
    mongodb: FlakyProxy
    cloudinary: CloudinaryDouble
    firebase: FlakyProxy
    emulator: FirebaseEmulator

    async def sign_in(self) -> None:
        """Make an account and use its access token from now on."""
        account = await self.emulator.sign_up(f"{uuid4().hex}@example.com")
        answer = await self.client.post("/auth/verify-token", json={"id_token": account["idToken"]})
        answer.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


@asynccontextmanager
async def whole_service(**changes: object) -> AsyncIterator[tuple[str, Container]]:
    """The whole service on a free port, on the default settings save for ``changes``."""
    container = Container(settings=Settings(_env_file=None, **changes))
    app = create_app_from(container, create_socketio(container))
    async with listening(app, timeout_graceful_shutdown=5) as port:
        yield f"http://127.0.0.1:{port}", container


def address_of(mongodb_uri: str) -> str:
    """Host and port of a server that is named alone."""
    return urlsplit(mongodb_uri).netloc


@asynccontextmanager
async def running_cloud_service(
    *,
    data_dir: Path,
    mongodb_uri: str,
    mongodb_name: str,
    cloudinary: CloudinaryDouble,
    emulator: FirebaseEmulator,
    firebase: FlakyProxy,
) -> AsyncIterator[CloudService]:
    """The service, with a proxy in front of MongoDB."""
    async with (
        flaky_proxy(address_of(mongodb_uri)) as mongodb,
        whole_service(
            data_dir=data_dir,
            environment="development",
            repository="mongodb",
            # One server is spoken to through the proxy, whatever set it belongs to.
            mongodb_uri=f"mongodb://{mongodb.address}/?directConnection=true",
            mongodb_name=mongodb_name,
            mongodb_timeout_s=1,
            image_store="cloudinary",
            cloudinary_cloud_name=CLOUD,
            cloudinary_api_key=API_KEY,
            cloudinary_api_secret=API_SECRET,
            cloudinary_timeout_s=1,
            cloudinary_upload_prefix=cloudinary.url,
            cloudinary_delivery_url=cloudinary.url,
            auth="firebase",
            firebase_project_id=PROJECT,
            firebase_auth_emulator_host=firebase.address,
        ) as (url, container),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client,
    ):
        yield CloudService(container, client, mongodb, cloudinary, firebase, emulator)
