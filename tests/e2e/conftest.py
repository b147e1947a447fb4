import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.service_process import ServiceProcess, serving
from tests.e2e.stacks import CloudStack, EmbeddedStack, Stack
from tests.e2e.videos import write_interview
from tests.servers.cloudinary import cloudinary_double
from tests.servers.firebase import FirebaseEmulator


@pytest.fixture(scope="session")
def embedded_stack() -> Stack:
    """The embedded defaults."""
    return EmbeddedStack()


@pytest.fixture(scope="session")
async def cloud_stack(mongodb_uri: str, firebase: FirebaseEmulator) -> AsyncIterator[CloudStack]:
    """The cloud stack that operators run in production."""
    async with cloudinary_double() as cloudinary:
        yield CloudStack(mongodb_uri, cloudinary.url, firebase, firebase.host)


@pytest.fixture(scope="session", params=["embedded", "cloud"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each stack in turn."""
    chosen: Stack = request.getfixturevalue(f"{request.param}_stack")
    return chosen


@pytest.fixture(scope="session")
async def service(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcess]:
    """One service per stack, for all tests that neither stop nor kill it."""
    folder = tmp_path_factory.mktemp("service")
    # Without a grace, a refresh token that is used again counts as stolen at once.
    async with serving(folder, stack, REFRESH_GRACE_SECONDS="0") as service:
        yield service


@pytest.fixture
async def process(tmp_path: Path, stack: Stack) -> AsyncIterator[ServiceProcess]:
    """A service for one test, which starts and ends it."""
    service = ServiceProcess(tmp_path, stack)
    yield service
    await service.close()


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """A photo of one smiling face, as JPEG."""
    return as_jpeg(skimage.data.astronaut())


@pytest.fixture(scope="session")
def interview(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short video of one face."""
    return write_interview(tmp_path_factory.mktemp("clips") / "interview.mp4")


def as_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=92)
    return encoded.getvalue()
