from collections.abc import AsyncIterator

import pytest

from tests.integration.http.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service on the default settings; nobody has called yet."""
    async with running_service() as running:
        yield running
