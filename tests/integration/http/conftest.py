from collections.abc import AsyncIterator

import pytest

from tests.integration.http.service import Server, Service, running_server, with_fresh_fakes


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    """Listens on the default settings for as long as the tests run."""
    async with running_server() as running:
        yield running


@pytest.fixture
async def service(server: Server) -> AsyncIterator[Service]:
    """The service as on its first day: nobody has called yet."""
    async with with_fresh_fakes(server) as service:
        yield service
