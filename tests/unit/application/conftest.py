import pytest

from tests.unit.application.service import Service


@pytest.fixture
def service() -> Service:
    """A service with fresh fakes."""
    return Service()
