from collections.abc import AsyncIterator

import pytest

from tests.integration.realtime.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service with default settings and no clients.

    It accepts as many frames as a test can send; tests/attacks tests the limit.
    """
    async with running_service(frames_per_s=100_000) as running:
        yield running
