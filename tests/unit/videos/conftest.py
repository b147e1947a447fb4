"""The work on recorded videos, with fakes."""

import pytest

from tests.unit.videos.service import Videos


@pytest.fixture
def videos() -> Videos:
    return Videos()
