import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryImageDecoder, InMemorySessionPlaces, fake_image
from application.accounts.credentials import Credential
from application.errors import Overloaded, StoreUnavailable
from application.ports.clock import Clock
from application.sessions.events import Failure, MachineFull, Suggestion
from application.sessions.session import StreamSession
from application.sessions.sessions import StreamSessions
from application.work.priority import Priority
from domain.errors import InvalidToken
from domain.image import Image
from domain.session import Frame, FrameResult
from domain.session_config import ConfigChange
from entrypoints.wire.frame_data import sent_image
from tests.unit.sessions.world import Recorder, World, some_user


async def test_no_more_sessions_than_there_are_places(world: World) -> None:
    sessions = world.sessions(sessions=2)
    first = await sessions.open(some_user("alice"), Recorder())
    await sessions.open(some_user("bob"), Recorder())
    with pytest.raises(Overloaded, match="taken"):
        await sessions.open(some_user("carol"), Recorder())
    assert len(sessions) == 2
    await sessions.close(first)
    await sessions.close(first)
    await sessions.open(some_user("carol"), Recorder())
    assert len(sessions) == 2


async def test_one_user_cannot_take_all_places(world: World) -> None:
    sessions = world.sessions(sessions=8, per_user=2)
    for _ in range(2):
        await sessions.open(some_user("alice"), Recorder())
    with pytest.raises(Overloaded, match="2 realtime sessions"):
        await sessions.open(some_user("alice"), Recorder())
    await sessions.open(some_user("bob"), Recorder())


async def test_one_user_cannot_take_all_places_of_two_processes_together(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    here, there = (world.sessions(per_user=2, places=places) for _ in range(2))
    first = await here.open(some_user("alice"), Recorder())
    await there.open(some_user("alice"), Recorder())
    for sessions in (here, there):
        with pytest.raises(Overloaded, match="2 realtime sessions"):
            await sessions.open(some_user("alice"), Recorder())
    assert (len(here), len(there)) == (1, 1)
    await here.close(first)
    await there.open(some_user("alice"), Recorder())


async def test_a_session_ends_although_its_closing_was_cancelled(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    sessions = world.sessions(per_user=1, places=places)
    session = await sessions.open(some_user("alice"), Recorder())
    await session.start()
    places.hold()
    closing = asyncio.create_task(sessions.close(session))
    for _ in range(5):
        await asyncio.sleep(0)
        closing.cancel()
    places.release()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert session.has_ended
    await sessions.open(some_user("alice"), Recorder())


async def test_places_stay_taken_for_as_long_as_they_are_held(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    here, there = (world.sessions(per_user=1, places=places) for _ in range(2))
    await here.open(some_user("alice"), Recorder())
    for _ in range(10):
        world.clock.advance(10)
        await here.hold_places()
    with pytest.raises(Overloaded):
        await there.open(some_user("alice"), Recorder())


async def test_a_session_that_ends_while_places_are_renewed_keeps_none(world: World) -> None:
    places = SlowToRenew(world.clock)
    sessions = world.sessions(per_user=1, places=places)
    first = await sessions.open(some_user("alice"), Recorder())
    renewing = asyncio.create_task(sessions.hold_places())
    await places.asked.wait()
    await sessions.close(first)
    places.may_renew.set()
    await renewing
    await sessions.open(some_user("alice"), Recorder())


class SlowToRenew(InMemorySessionPlaces):
    """Renews when released, so that another call can overtake it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked, self.may_renew = asyncio.Event(), asyncio.Event()

    async def renew(self, sessions: Mapping[str, str]) -> None:
        self.asked.set()
        await self.may_renew.wait()
        await super().renew(sessions)


async def test_without_the_shared_counter_each_process_counts_for_itself(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    sessions = world.sessions(per_user=2, places=places)
    places.fail_with(StoreUnavailable("Redis does not answer"))
    first = await sessions.open(some_user("alice"), Recorder())
    await sessions.open(some_user("alice"), Recorder())
    with pytest.raises(Overloaded, match="2 realtime sessions"):
        await sessions.open(some_user("alice"), Recorder())
    await sessions.hold_places()
    await sessions.close(first)
    assert len(sessions) == 1
    places.recover()
    await sessions.hold_places()
    assert not await places.take("alice", "elsewhere", 1), "what was opened meanwhile counts again"


async def test_no_session_is_opened_while_the_service_stops(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    sessions = world.sessions(places=places)
    places.hold()
    opening = asyncio.create_task(sessions.open(some_user("alice"), Recorder()))
    await asyncio.sleep(0)
    closing = asyncio.create_task(sessions.close_all())
    await asyncio.sleep(0)
    places.release()
    with pytest.raises(Overloaded, match="restarting"):
        await opening
    await closing
    assert len(sessions) == 0


async def test_closing_all_leaves_no_session_and_no_task(world: World) -> None:
    before = asyncio.all_tasks()
    sessions = world.sessions()
    for name in ("alice", "bob", "carol"):
        await (await sessions.open(some_user(name), Recorder())).start()
    await sessions.close_all()
    assert len(sessions) == 0
    assert asyncio.all_tasks() == before


async def test_no_more_frames_are_in_work_than_allowed(world: World) -> None:
    sessions = world.sessions(frames_in_work=2)
    opened = [await sessions.open(some_user(f"user {i}"), Recorder()) for i in range(5)]
    world.decoder.hold()
    for session in opened:
        await session.start()
        session.offer(world.frame(1))
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.telemetry.stages["decode"] == 2
    world.decoder.release()
    await sessions.close_all()


async def test_a_flood_does_not_starve_a_slow_sender(world: World) -> None:
    """Two sessions send as many frames as possible; the third sends few and gets each answered."""
    sessions = world.sessions(frames_in_work=1)
    floods = [await sessions.open(some_user(f"flood {i}"), Recorder()) for i in range(2)]
    reader = Recorder()
    slow = await sessions.open(some_user("slow"), reader)
    for session in (*floods, slow):
        await session.start()
    done: Counter[str] = Counter()

    def flood() -> None:
        world.clock.advance(0.02)
        for session in floods:
            session.offer(world.frame(1))

    for i in range(1, 21):
        slow.offer(world.frame(i))
        before = sum(run_of(session) for session in floods)
        while len(reader.all(FrameResult)) < i:
            flood()
            await asyncio.sleep(0)
        done["others"] = max(done["others"], sum(run_of(s) for s in floods) - before)
    assert [result.frame_id for result in reader.all(FrameResult)] == list(range(1, 21))
    assert done["others"] <= 4, "a frame waited for more than a turn or two of every other session"
    await sessions.close_all()


def run_of(session: StreamSession) -> int:
    assert session.measures is not None
    return session.measures.processed


async def crowd(
    world: World, count: int
) -> tuple[StreamSessions, list[Recorder], list[StreamSession]]:
    sessions = world.sessions(frames_in_work=1)
    readers = [Recorder() for _ in range(count)]
    opened = [
        await sessions.open(some_user(f"user {i}"), reader) for i, reader in enumerate(readers)
    ]
    for session in opened:
        await session.start(ConfigChange({"auto_adjust": False}))
    return sessions, readers, opened


class SlowDecoder(InMemoryImageDecoder):
    """Takes a tenth of a second of the fake clock per frame, or as long as a test says."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._clock = world.clock
        self.takes_s = 0.1

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        self._clock.advance(self.takes_s)
        return await super().decode(data, priority=priority, sender=sender)


async def busy_window(world: World, sessions: StreamSessions, crowd: list[StreamSession]) -> None:
    """Two seconds in which all sessions send frames as fast as they can."""
    end_s = world.clock.monotonic() + 2
    while world.clock.monotonic() < end_s:
        for session in 2 * crowd:
            session.offer(Frame(1, 0, sent_image(fake_image()), world.clock.monotonic()))
        await asyncio.sleep(0)
    await sessions.review_load()


async def calm_windows(world: World, sessions: StreamSessions) -> None:
    for _ in range(4):
        world.clock.advance(2)
        await sessions.review_load()


async def test_sessions_are_told_once_when_the_machine_is_full_and_when_it_has_room(
    world: World,
) -> None:
    world.decoder = SlowDecoder(world)
    sessions, readers, opened = await crowd(world, 3)
    for _ in range(4):
        await busy_window(world, sessions, opened)
    for reader in readers:
        (full,) = reader.all(MachineFull)
        assert 2 < full.recommended_frame_rate < 10 / 3
    for session in opened:
        await session.stop()
    await calm_windows(world, sessions)
    for reader in readers:
        room = reader.all(Suggestion)[-1]
        assert "room" in room.message
        assert room.config == {"max_frame_rate": 60}
        assert len(reader.all(MachineFull)) == 1
        assert not reader.all(Failure)
    await sessions.close_all()


async def test_sessions_that_followed_advice_are_offered_their_earlier_rate(world: World) -> None:
    world.decoder = SlowDecoder(world)
    sessions, readers, opened = await crowd(world, 3)
    await busy_window(world, sessions, opened)
    for session, reader in zip(opened, readers, strict=True):
        (full,) = reader.all(MachineFull)
        await session.configure(ConfigChange({"max_frame_rate": full.recommended_frame_rate}))
    await calm_windows(world, sessions)
    for reader in readers:
        assert reader.all(Suggestion)[-1].config == {"max_frame_rate": 60}
    await sessions.close_all()


async def test_a_rate_that_was_raised_after_advice_is_not_lowered_again(world: World) -> None:
    world.decoder = SlowDecoder(world)
    sessions, readers, opened = await crowd(world, 3)
    for session in opened:
        await session.configure(ConfigChange({"max_frame_rate": 20}))
    await busy_window(world, sessions, opened)
    for session in opened:
        await session.configure(ConfigChange({"max_frame_rate": 25}))
    await calm_windows(world, sessions)
    for reader in readers:
        assert reader.all(Suggestion)[-1].config == {"max_frame_rate": 25}
    await sessions.close_all()


async def test_sessions_are_told_again_only_when_their_rate_has_to_be_clearly_lower(
    world: World,
) -> None:
    world.decoder = decoder = SlowDecoder(world)
    sessions, readers, opened = await crowd(world, 3)
    for takes_s, told in ((0.1, 1), (0.12, 1), (0.2, 2)):
        decoder.takes_s = takes_s
        for _ in range(2):
            await busy_window(world, sessions, opened)
        assert [len(reader.all(MachineFull)) for reader in readers] == [told] * 3
    await sessions.close_all()


async def test_paused_sessions_on_a_full_machine_get_no_further_advice(
    world: World,
) -> None:
    world.decoder = SlowDecoder(world)
    sessions, readers, opened = await crowd(world, 3)
    await busy_window(world, sessions, opened)
    for _ in range(2):
        world.clock.advance(2)
        await sessions.review_load()
    assert [len(reader.all(MachineFull)) for reader in readers] == [1, 1, 1]
    await sessions.close_all()


async def test_an_idle_machine_sends_no_advice(world: World) -> None:
    sessions, readers, _ = await crowd(world, 2)
    for _ in range(5):
        world.clock.advance(2)
        await sessions.review_load()
    assert not any(reader.all(MachineFull) or reader.all(Suggestion) for reader in readers)
    await sessions.close_all()


@asynccontextmanager
async def watched_over(sessions: StreamSessions) -> AsyncIterator[None]:
    watching = asyncio.create_task(sessions.run())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def seconds_pass(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.clock.advance(1)
        for _ in range(20):
            await asyncio.sleep(0)


async def test_running_sessions_renew_their_places(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    here, there = (world.sessions(per_user=1, places=places) for _ in range(2))
    async with watched_over(here):
        await here.open(some_user("alice"), Recorder())
        await seconds_pass(world, 100)
        with pytest.raises(Overloaded):
            await there.open(some_user("alice"), Recorder())
    await here.close_all()


async def test_a_session_ends_with_its_token(world: World, recorder: Recorder) -> None:
    sessions = world.sessions()
    expires_at = world.clock.now() + timedelta(seconds=90)
    async with watched_over(sessions):
        await sessions.open(some_user(), recorder, Credential("short-lived", expires_at))
        await seconds_pass(world, 88)
        assert not recorder.is_disconnected
        await seconds_pass(world, 3)
        await recorder.until_disconnected()
    assert isinstance(recorder.all(Failure)[0].error, InvalidToken)
    await sessions.close_all()


async def test_a_client_that_could_not_be_disconnected_is_tried_again(world: World) -> None:
    class Stuck(Recorder):
        """Cannot be disconnected at first."""

        attempts = 0

        async def disconnect(self) -> None:
            self.attempts += 1
            if self.attempts == 1:
                raise ConnectionError
            await super().disconnect()

    sessions, stuck = world.sessions(), Stuck()
    expires_at = world.clock.now() + timedelta(seconds=90)
    async with watched_over(sessions):
        await sessions.open(some_user(), stuck, Credential("short-lived", expires_at))
        await seconds_pass(world, 93)
        await stuck.until_disconnected()
    await sessions.close_all()


async def test_a_session_ends_with_its_account(world: World) -> None:
    sessions, readers = world.sessions(), {name: Recorder() for name in ("alice", "bob")}
    async with watched_over(sessions):
        for name, reader in readers.items():
            await sessions.open(some_user(name), reader, Credential(f"of {name}", None))
        await seconds_pass(world, 30)
        world.ended_tokens.add("of alice")
        await seconds_pass(world, 12)
        await readers["alice"].until_disconnected()
        assert not readers["bob"].is_disconnected
    await sessions.close_all()


async def test_a_failed_check_is_repeated_and_blocks_nothing_else(world: World) -> None:
    places = InMemorySessionPlaces(world.clock)
    here, there = (world.sessions(per_user=1, places=places) for _ in range(2))
    async with watched_over(here):
        await here.open(some_user("alice"), Recorder())
        places.fail_with(RuntimeError("a fault in the adapter"))
        await seconds_pass(world, 11)
        places.recover()
        await seconds_pass(world, 100)
        with pytest.raises(Overloaded):
            await there.open(some_user("alice"), Recorder())
    await here.close_all()


async def test_tokens_are_verified_in_one_round_at_a_time(world: World) -> None:
    asked = []

    async def verify_slowly(token: str) -> None:
        asked.append(token)
        await asyncio.Event().wait()

    world.verify_token = verify_slowly  # type: ignore[method-assign]
    sessions = world.sessions()
    async with watched_over(sessions):
        await sessions.open(some_user(), Recorder(), Credential("token", None))
        await seconds_pass(world, 35)
        assert asked == ["token"]
    await sessions.close_all()
