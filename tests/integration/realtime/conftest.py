from collections.abc import AsyncIterator

import pytest

from tests.integration.realtime.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service on the default settings; nobody is connected.

    It takes as many frames as a test can send: tests/attacks tries what is refused before.
    """
    async with running_service(frames_per_s=100_000) as running:
        yield running
