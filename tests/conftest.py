"""Settings of all tests, and the servers that several kinds of tests use."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from adapters.firebase import FirebaseIdentityProvider
from adapters.inference.executor import WorkExecutor
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.triton import write_triton_repository
from adapters.sqlite import SqliteDatabase
from tests.servers.cloudinary import CloudinaryDouble, cloudinary_double
from tests.servers.firebase import FirebaseEmulator, firebase_emulator
from tests.servers.google import GoogleDouble, google_double
from tests.servers.mongodb import mongodb_server
from tests.servers.npm import installed
from tests.servers.redis import redis_server
from tests.servers.triton import triton_server
from tests.yunet_file import NO_MODEL, yunet_model

# A busy machine is not a bug: Hypothesis must not fail a test by its duration.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_report_header() -> str | None:
    """Name what cannot be tested on this machine."""
    return None if yunet_model() else f"YuNet's contract is not tested: {NO_MODEL}"


@pytest.fixture
def executor() -> Iterator[WorkExecutor]:
    """An executor for each test."""
    with closing(WorkExecutor(2)) as executor:
        yield executor


@pytest.fixture
def single_thread() -> Iterator[WorkExecutor]:
    """An executor with one thread, so that the order of jobs can be observed."""
    with closing(WorkExecutor(1)) as executor:
        yield executor


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """A database for each test."""
    database = SqliteDatabase(tmp_path / "emotions.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def mongodb_uri() -> AsyncIterator[str]:
    """A MongoDB server for the whole run."""
    async with mongodb_server() as uri:
        yield uri


@pytest.fixture(scope="session")
async def redis_url() -> AsyncIterator[str]:
    """A Redis server for the whole run."""
    async with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def js_packages() -> Path:
    """What tests take from npm: JavaScript clients, the rules of AsyncAPI, axe-core."""
    return installed(Path(__file__).parent / "js")


@pytest.fixture(scope="session")
async def triton(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Triton server that serves the shipped network, for the whole run."""
    folder = tmp_path_factory.mktemp("triton")
    write_triton_repository(OnnxCropClassifier(), folder / "models")
    async with triton_server(folder / "models", folder / "backends") as url:
        yield url


@pytest.fixture
def mongodb_name() -> str:
    """The name of a database for one test."""
    return f"test_{uuid4().hex[:12]}"


@pytest.fixture
async def cloudinary() -> AsyncIterator[CloudinaryDouble]:
    """An empty double of Cloudinary."""
    async with cloudinary_double() as double:
        yield double


@pytest.fixture(scope="session")
async def firebase() -> AsyncIterator[FirebaseEmulator]:
    """A Firebase Auth emulator for the whole run."""
    async with firebase_emulator() as emulator:
        yield emulator


@pytest.fixture
async def google(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GoogleDouble]:
    """A double of Google's certificates and accounts, with truly signed tokens."""
    monkeypatch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)
    async with google_double() as double:
        yield double


@pytest.fixture
async def firebase_provider(google: GoogleDouble) -> AsyncIterator[FirebaseIdentityProvider]:
    """The real adapter, connected to that double."""
    provider = google.provider()
    yield provider
    provider.close()
