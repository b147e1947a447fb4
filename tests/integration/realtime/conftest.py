from collections.abc import AsyncIterator

import pytest

from tests.integration.realtime.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service on the default settings; nobody is connected."""
    async with running_service() as running:
        yield running
