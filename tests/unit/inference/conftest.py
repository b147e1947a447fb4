"""Fixtures for the tests of inference."""

from collections.abc import Iterator

import pytest

from adapters.inference.executor import WorkExecutor


@pytest.fixture
def single_thread() -> Iterator[WorkExecutor]:
    """An executor with one thread, so that the order of jobs can be observed."""
    executor = WorkExecutor(1)
    yield executor
    executor.close()
