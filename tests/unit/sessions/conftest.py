"""A session with fakes, and the listener that keeps its events."""

import pytest

from application.sessions.session import StreamSession
from tests.unit.sessions.world import Recorder, World, some_user


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def session(world: World, recorder: Recorder) -> StreamSession:
    return await world.sessions().open(some_user(), recorder)
