"""Fixtures of the contract suites."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.circuit_breaker import CircuitBreaker
from adapters.cloudinary import CloudinaryImageStore, CloudinaryVideoStore
from adapters.mongodb import MongoDatabase
from adapters.redis import RedisDatabase
from tests.servers.cloudinary import CloudinaryDouble, image_store_at, video_store_at
from tests.servers.mongodb import dropped, without_expiry


@pytest.fixture
async def mongodb_database(mongodb_uri: str, mongodb_name: str) -> AsyncIterator[MongoDatabase]:
    """A database for each test, on a shared server."""
    database = MongoDatabase(
        uri=mongodb_uri,
        name=mongodb_name,
        timeout_s=30,
        max_connections=10,
        breaker=CircuitBreaker("MongoDB"),
    )
    await database.open()
    await without_expiry(database)
    yield database
    await dropped(database)
    await database.close()


@pytest.fixture
async def new_redis_database(redis_url: str) -> AsyncIterator[Callable[[], RedisDatabase]]:
    """Makes databases of one service, each with its own connections and a prefix for this test."""
    prefix, made = f"test {uuid4().hex[:12]}", []

    def make() -> RedisDatabase:
        made.append(
            RedisDatabase(
                url=redis_url, prefix=prefix, timeout_s=30, breaker=CircuitBreaker("Redis")
            )
        )
        return made[-1]

    yield make
    for database in made:
        await database.close()


@pytest.fixture
def redis_database(new_redis_database: Callable[[], RedisDatabase]) -> RedisDatabase:
    """A database with a prefix for each test, on a shared server."""
    return new_redis_database()


@pytest.fixture
def public_cloudinary_store(cloudinary: CloudinaryDouble) -> Iterator[CloudinaryImageStore]:
    """A store whose images are open to everybody who knows their address."""
    store = image_store_at(cloudinary, is_authenticated=False)
    yield store
    store.close()


@pytest.fixture
def authenticated_cloudinary_store(cloudinary: CloudinaryDouble) -> Iterator[CloudinaryImageStore]:
    """A store whose images need signed addresses."""
    store = image_store_at(cloudinary, is_authenticated=True)
    yield store
    store.close()


@pytest.fixture
def cloudinary_video_store(
    cloudinary: CloudinaryDouble, tmp_path: Path
) -> Iterator[CloudinaryVideoStore]:
    """A store whose videos need signed addresses."""
    store = video_store_at(cloudinary, tmp_path / "receiving")
    yield store
    store.close()
