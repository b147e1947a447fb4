"""The cloud stack with a proxy in front of each part, which can fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from tests.e2e.stacks import CloudStack
from tests.servers.cloudinary import CloudinaryDouble
from tests.servers.firebase import FirebaseEmulator
from tests.servers.flaky import FlakyProxy, flaky_proxy

_LATE_S = 0.3


@dataclass(frozen=True)
class FlakyCloud:
    """The proxies of each part, and the stack behind them."""

    mongodb: FlakyProxy
    cloudinary: FlakyProxy
    firebase: FlakyProxy
    images: CloudinaryDouble
    stack: CloudStack

    def refuse(self, status: int) -> None:
        """Let Cloudinary answer everything with this status."""
        self.images.refusal = status

    def break_off(self) -> None:
        """Let Cloudinary end each call before it is answered."""
        self.images.breaks_off = True

    def behave(self) -> None:
        """Let everything work."""
        for part in (self.mongodb, self.cloudinary, self.firebase, self.images):
            part.behave()


# One dependency after the other, so that each has time to recover.
FAULTS: Mapping[str, Callable[[FlakyCloud], None]] = {
    "MongoDB stopped": lambda cloud: cloud.mongodb.stop(),
    "Cloudinary stopped": lambda cloud: cloud.cloudinary.stop(),
    "Firebase stopped": lambda cloud: cloud.firebase.stop(),
    "MongoDB silent": lambda cloud: cloud.mongodb.fall_silent(),
    "Cloudinary silent": lambda cloud: cloud.cloudinary.fall_silent(),
    "Firebase silent": lambda cloud: cloud.firebase.fall_silent(),
    "MongoDB slow": lambda cloud: cloud.mongodb.slow_down(_LATE_S),
    "Cloudinary slow": lambda cloud: cloud.cloudinary.slow_down(_LATE_S),
    "Firebase slow": lambda cloud: cloud.firebase.slow_down(_LATE_S),
    "Cloudinary answers 500": lambda cloud: cloud.refuse(500),
    "MongoDB breaks off": lambda cloud: cloud.mongodb.break_once(),
    "Cloudinary limits the rate": lambda cloud: cloud.refuse(420),
    "Cloudinary breaks off": lambda cloud: cloud.break_off(),
}
_NAMES = {"MongoDB": "repository", "Cloudinary": "image_store", "Firebase": "identity_provider"}


async def recovered(client: httpx.AsyncClient, fault: str) -> None:
    """Wait until the service reports the part with this fault as up."""
    name = _NAMES[fault.split()[0]]
    async with asyncio.timeout(60):
        while (await client.get("/readyz")).json()["services"][name] != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@asynccontextmanager
async def flaky_cloud(
    mongodb_uri: str, images: CloudinaryDouble, emulator: FirebaseEmulator, **changes: str
) -> AsyncIterator[FlakyCloud]:
    """A cloud whose parts can fail, for a service with these further settings."""
    async with (
        flaky_proxy(urlsplit(mongodb_uri).netloc) as mongodb,
        flaky_proxy(urlsplit(images.url).netloc) as cloudinary,
        flaky_proxy(emulator.host) as firebase,
    ):
        stack = CloudStack(
            # One server is reached through the proxy, whatever set it belongs to.
            mongodb_uri=f"mongodb://{mongodb.address}/?directConnection=true",
            cloudinary_url=f"http://{cloudinary.address}",
            firebase=emulator,
            firebase_address=firebase.address,
            changes=changes,
        )
        yield FlakyCloud(mongodb, cloudinary, firebase, images, stack)
