"""What the tests of the inference parts share."""

from collections.abc import Iterator

import pytest

from adapters.inference.executor import WorkExecutor


@pytest.fixture
def single_thread() -> Iterator[WorkExecutor]:
    """An executor that does one thing at a time, so that the order of things shows."""
    executor = WorkExecutor(1)
    yield executor
    executor.close()
