"""What holds for every test, and the servers that several kinds of test speak to."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.mongodb import mongodb_server

# A busy machine is no bug: properties are judged by what they find and never by how long it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
async def mongodb_uri() -> AsyncIterator[str]:
    """A MongoDB server for the whole run."""
    async with mongodb_server() as uri:
        yield uri


@pytest.fixture
def mongodb_name() -> str:
    """The name of a database nobody else uses."""
    return f"test_{uuid4().hex[:12]}"
