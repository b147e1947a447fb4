import pytest

from tests.unit.application.service import Service


@pytest.fixture
def service() -> Service:
    """Everything works, nobody has called yet."""
    return Service()
