"""Fixtures of the attacks: a service for each, its memory, and a client that does not attack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attacks.memory import PeakMemory
from tests.e2e.service_process import ServiceProcess
from tests.e2e.stacks import EmbeddedStack

THREADS = 2


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """A fresh service on two threads, so that its peak memory is that of the test."""
    service = ServiceProcess(tmp_path, EmbeddedStack())
    service.environment["INFERENCE_THREADS"] = str(THREADS)
    try:
        await service.start()
        yield service
    finally:
        await service.close()


@pytest.fixture
async def memory(service: ServiceProcess) -> AsyncIterator[PeakMemory]:
    """The peak memory of that service and of every process that it starts."""
    async with PeakMemory(service.pid) as memory:
        yield memory
