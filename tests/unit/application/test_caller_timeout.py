"""A slow store delays an answer briefly, and only now and then."""

import asyncio

import pytest

from adapters.in_memory import fake_image
from application.errors import StoreUnavailable
from application.work.timeouts import CallerTimeout
from domain.detection import HistoryFilter, StorageStatus
from domain.image import EncodedImage
from tests.unit.application.accounts import Accounts
from tests.unit.application.service import Service, guest, until

PHOTOGRAPH = fake_image()


async def test_a_result_in_time_is_returned() -> None:
    timeout = CallerTimeout()

    async def found() -> str:
        await asyncio.sleep(0)
        return "it"

    async def lost() -> str:
        raise LookupError("nothing")

    assert await timeout.wait(found()) == "it"
    with pytest.raises(LookupError):
        await timeout.wait(lost())


async def test_a_slow_call_continues_and_the_next_ones_are_not_waited_for() -> None:
    timeout = CallerTimeout(timeout_s=0.01, cooldown_s=3600)
    released = asyncio.Event()
    done: list[int] = []

    async def slow(number: int) -> None:
        await released.wait()
        done.append(number)

    for number in range(3):
        with pytest.raises(StoreUnavailable):
            await timeout.wait(slow(number))
    released.set()
    await until(lambda: done == [0, 1, 2])


async def test_after_the_cooldown_calls_are_waited_for_again() -> None:
    timeout = CallerTimeout(timeout_s=0.5, cooldown_s=0)
    never = asyncio.get_running_loop().create_future()
    with pytest.raises(StoreUnavailable):
        await timeout.wait(never)

    async def found() -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return "it"

    assert await timeout.wait(found()) == "it"
    never.cancel()


async def test_detection_does_not_wait_for_a_slow_repository_and_nothing_is_lost() -> None:
    service = Service()
    service.repository.hold()
    service.ledger.hold()
    image = EncodedImage.of(PHOTOGRAPH, "me.jpg")
    detections = [await service.detect.execute(service.alice, image) for _ in range(3)]
    status_of = service.history.status
    for detection in detections:
        assert await status_of(service.alice, detection.detection_id) is StorageStatus.PENDING
    service.repository.release()
    service.ledger.release()
    for _ in range(10):
        await asyncio.sleep(0)  # The started records are stored.
    await service.store.carry_due()
    for detection in detections:
        assert await status_of(service.alice, detection.detection_id) is StorageStatus.DONE
    assert await service.repository.count("alice", HistoryFilter()) == len(service.images)
    assert (await service.meter.usage(service.alice)).count == 3, "counted once it could be"


async def test_a_guest_waits_for_the_count() -> None:
    service = Service()
    service.ledger.hold()
    visitor = guest()
    asked = asyncio.create_task(service.detect.execute(visitor, EncodedImage.of(PHOTOGRAPH)))
    await asyncio.wait([asked], timeout=0.4)
    assert not asked.done()
    service.ledger.release()
    await asked
    assert (await service.meter.usage(visitor)).count == 1


async def test_only_callers_that_need_no_profile_do_not_wait_for_it() -> None:
    accounts = Accounts()
    users, tokens, authenticate = accounts.users, accounts.tokens, accounts.authenticate
    alice = accounts.service.alice
    await users.put(alice)
    token = tokens.issue_access(alice.user_id).value
    users.hold()
    known = await authenticate.execute(token, id_is_enough=True)
    assert known.user.user_id == "alice"
    reading = asyncio.create_task(authenticate.execute(token))
    await asyncio.wait([reading], timeout=0.4)
    assert not reading.done()
    users.release()
    assert (await reading).user == alice
