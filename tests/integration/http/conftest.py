from collections.abc import AsyncIterator

import pytest

from tests.integration.http.service import Server, Service, running_server, with_fresh_fakes


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    """A server with default settings, for all tests."""
    async with running_server() as running:
        yield running


@pytest.fixture
async def service(server: Server) -> AsyncIterator[Service]:
    """The service with fresh fakes."""
    async with with_fresh_fakes(server) as service:
        yield service
