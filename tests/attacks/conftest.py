"""Fixtures of the attacks: a service for each, its memory, and a client that does not attack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attacks.memory import PeakMemory
from tests.e2e.service_process import ServiceProcess, serving

THREADS = 2


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """A fresh service on two threads, so that its peak memory is that of the test."""
    async with serving(tmp_path, INFERENCE_THREADS=str(THREADS)) as service:
        yield service


@pytest.fixture
async def verbose_service(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """A service whose log has a line for every request, those for its health too."""
    async with serving(tmp_path, LOG_LEVEL="DEBUG") as service:
        yield service


@pytest.fixture
async def memory(service: ServiceProcess) -> AsyncIterator[PeakMemory]:
    """The peak memory of that service and of every process that it starts."""
    async with PeakMemory(service.pid) as memory:
        yield memory
