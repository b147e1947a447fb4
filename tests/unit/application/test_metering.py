"""Guests' quotas hold, and failed detections are not charged."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.in_memory import InMemoryUsageLedger
from application.accounts.metering import UsageMeter
from application.errors import InferenceUnavailable, Overloaded, StoreUnavailable
from domain.errors import (
    ImageDimensionsTooLarge,
    ImageTooCostly,
    ImageTooLarge,
    InvalidImage,
    InvalidRequest,
    QuotaExceeded,
)
from domain.user import Caller, GuestQuota
from tests.unit.application.service import WINDOW_S, Service, guest, user


async def use(service: Service, caller: Caller, times: int = 1) -> None:
    for _ in range(times):
        async with service.meter.charge(caller):
            pass


async def refused(service: Service, caller: Caller) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as refusal:
        await use(service, caller)
    return refusal.value


async def test_a_guest_has_three_uses_and_is_told_when_to_come_back(service: Service) -> None:
    await use(service, guest(), times=2)
    service.clock.advance(100.5)
    await use(service, guest())
    refusal = await refused(service, guest())
    assert refusal.details == {"limit": 3, "remaining": 0, "retry_after": WINDOW_S - 100}


async def test_a_fresh_window_begins_once_the_old_one_is_over(service: Service) -> None:
    await use(service, guest(), times=3)
    service.clock.advance(WINDOW_S)
    await use(service, guest(), times=3)
    await refused(service, guest())


async def test_new_cookies_give_no_more_than_the_limit_of_the_address(service: Service) -> None:
    for number in range(6):
        await use(service, guest(f"guest:{number}"))
    refusal = await refused(service, guest("guest:new"))
    assert refusal.limit == 6
    await use(service, guest("guest:new", address="192.0.2.2"))


async def test_a_guest_at_a_used_up_address_waits_for_the_later_of_both_windows(
    service: Service,
) -> None:
    await use(service, guest("guest:other"), times=3)
    service.clock.advance(100)
    await use(service, guest(), times=3)
    refusal = await refused(service, guest())
    assert refusal.retry_after_s == WINDOW_S
    assert (await service.meter.usage(guest())).resets_at == service.clock.now() + timedelta(
        seconds=WINDOW_S
    )


@pytest.mark.parametrize(("per_guest", "per_address"), [(0, 6), (3, 0), (0, 0)])
async def test_a_guest_limit_of_zero_is_refused_with_a_reason(
    service: Service, per_guest: int, per_address: int
) -> None:
    quota = GuestQuota(per_guest=per_guest, per_address=per_address, window_s=WINDOW_S)
    service.meter = UsageMeter(ledger=service.ledger, clock=service.clock, quota=quota)
    refusal = await refused(service, guest())
    assert refusal.details == {"limit": 0, "remaining": 0, "retry_after": WINDOW_S}
    assert "guests are not served" in str(refusal)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("testclient", "testclient", True),
        ("testclient", "otherclient", False),
    ],
)
async def test_an_ipv6_address_is_counted_by_its_64_network(
    service: Service, one: str, other: str, shared: bool
) -> None:
    """An IPv6 host can use any address of its /64 network."""
    await use(service, guest("guest:a", one), times=3)
    await use(service, guest("guest:b", one), times=3)
    usage = await service.meter.usage(guest("guest:c", other))
    assert usage.remaining == (0 if shared else 3)


async def test_users_have_no_limit_and_their_uses_are_counted_forever(service: Service) -> None:
    await use(service, service.alice, times=20)
    service.clock.advance(10 * WINDOW_S)
    usage = await service.meter.usage(service.alice)
    assert (usage.count, usage.limit, usage.remaining, usage.resets_at) == (20, None, None, None)
    assert usage.last_used == service.clock.now() - timedelta(seconds=10 * WINDOW_S)


async def test_a_caller_who_never_called_has_used_nothing(service: Service) -> None:
    usage = await service.meter.usage(guest())
    assert (usage.count, usage.limit, usage.remaining) == (0, 3, 3)
    assert usage.resets_at is usage.last_used is None


@pytest.mark.parametrize(
    ("others", "own", "told"),
    [
        (0, 1, (1, 3, 2)),
        (3, 0, (0, 3, 3)),
        (4, 0, (4, 6, 2)),
        (3, 2, (2, 3, 1)),
        (5, 1, (6, 6, 0)),
        (6, 0, (6, 6, 0)),
        (3, 3, (3, 3, 0)),
    ],
)
async def test_a_guest_sees_the_limit_that_binds(
    service: Service, others: int, own: int, told: tuple[int, int, int]
) -> None:
    for number in range(others):
        await use(service, guest(f"guest:other-{number}"))
    await use(service, guest(), times=own)
    usage = await service.meter.usage(guest())
    assert (usage.count, usage.limit, usage.remaining) == told
    if told[-1] == 0:
        refusal = await refused(service, guest())
        assert refusal.limit == usage.limit
        assert f"{usage.limit} images in 24 hours" in str(refusal)
        assert ("network address" in str(refusal)) == (usage.limit == 6)
        assert "come back in 24 hours" in str(refusal)


async def test_checking_the_quota_does_not_count_a_use(service: Service) -> None:
    await service.meter.check(guest())
    await service.meter.check(service.alice)
    await use(service, guest(), times=3)
    with pytest.raises(QuotaExceeded):
        await service.meter.check(guest())
    assert (await service.meter.usage(guest("guest:2"))).remaining == 3


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (InvalidImage("damaged", reason="damaged"), True),
        (InvalidImage("cut short", reason="truncated"), True),
        (InvalidImage("whatever else decoding finds"), True),
        (ImageTooCostly("too much"), True),
        (InvalidImage("no image", reason="unsupported"), False),
        (InvalidImage("empty", reason="empty"), False),
        (ImageDimensionsTooLarge("too many pixels"), False),
        (ImageTooLarge("too many bytes"), False),
        (InvalidRequest("no such field"), False),
        (Overloaded("full"), False),
        (StoreUnavailable("the disk is full"), False),
        (InferenceUnavailable("no model"), False),
        (RuntimeError("a bug"), False),
    ],
)
async def test_work_on_a_bad_image_is_charged_and_a_refusal_without_work_is_not(
    service: Service, error: Exception, charged: bool
) -> None:
    with pytest.raises(type(error)):
        async with service.meter.charge(guest()):
            raise error
    assert (await service.meter.usage(guest())).count == int(charged)


async def test_a_hanging_ledger_times_out(service: Service) -> None:
    quota = GuestQuota(per_guest=3, per_address=6, window_s=WINDOW_S)
    service.meter = UsageMeter(
        ledger=service.ledger, clock=service.clock, quota=quota, guests_timeout_s=0.1
    )
    service.ledger.hold()
    async with asyncio.timeout(30):
        with pytest.raises(StoreUnavailable):
            await use(service, guest())
        with pytest.raises(KeyError):
            async with service.meter.charge(service.alice):
                raise KeyError
    service.ledger.release()
    for _ in range(50):
        await asyncio.sleep(0)
    for caller in (guest(), service.alice):
        assert (await service.meter.usage(caller)).count == 0


@given(st.lists(st.sampled_from(["guest:1", "guest:2", "guest:3"]), max_size=10))
async def test_remaining_uses_are_exactly_those_that_succeed(names: list[str]) -> None:
    service = Service()
    for name in names:
        try:
            await use(service, guest(name))
        except QuotaExceeded:
            assert (await service.meter.usage(guest(name))).remaining == 0
    usage = await service.meter.usage(guest())
    assert usage.remaining is not None
    await use(service, guest(), times=usage.remaining)
    await refused(service, guest())


async def test_concurrent_requests_cannot_pass_the_limit(service: Service) -> None:
    results = await asyncio.gather(
        *(use(service, guest()) for _ in range(10)), return_exceptions=True
    )
    assert results.count(None) == 3
    assert sum(isinstance(result, QuotaExceeded) for result in results) == 7


async def test_a_refusal_is_not_charged(service: Service) -> None:
    await use(service, guest(), times=3)
    for _ in range(5):
        await refused(service, guest())
    assert (await service.meter.usage(guest("guest:2"))).remaining == 3


async def test_a_failed_use_is_not_charged(service: Service) -> None:
    for _ in range(10):
        with pytest.raises(KeyError):
            async with service.meter.charge(guest()):
                raise KeyError
    assert (await service.meter.usage(guest())).remaining == 3


@pytest.mark.parametrize(("work_has_begun", "uses"), [(False, 0), (True, 1)])
async def test_a_disconnected_client_pays_for_started_work(
    service: Service, work_has_begun: bool, uses: int
) -> None:
    counted = asyncio.Event()

    async def hang() -> None:
        async with service.meter.charge(guest()) as charge:
            if work_has_begun:
                charge.begin()
            counted.set()
            await asyncio.Event().wait()

    request = asyncio.create_task(hang())
    await counted.wait()
    service.ledger.hold()  # The refund takes time, and the cancellation is repeated.
    for _ in range(5):
        request.cancel()
        await asyncio.sleep(0)
    service.ledger.release()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (await service.meter.usage(guest())).count == uses


class UnstoppableLedger(InMemoryUsageLedger):
    """Counts in a thread, like a database: cancelling the wait does not stop it."""

    def __init__(self) -> None:
        super().__init__()
        self.counting, self.go_on = asyncio.Event(), asyncio.Event()

    async def consume(
        self, limits: Mapping[str, int | None], at: datetime, window_s: int | None
    ) -> str | None:
        async def count() -> str | None:
            self.counting.set()
            await self.go_on.wait()
            return await super(UnstoppableLedger, self).consume(limits, at, window_s)

        return await asyncio.shield(asyncio.ensure_future(count()))


async def test_a_client_that_disconnects_while_being_counted_is_not_charged() -> None:
    ledger = UnstoppableLedger()
    service = Service(ledger=ledger)
    request = asyncio.create_task(use(service, guest()))
    await ledger.counting.wait()
    request.cancel()
    await asyncio.sleep(0)
    ledger.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (await service.meter.usage(guest())).count == 0


async def test_a_failing_refund_does_not_hide_the_error(
    service: Service,
) -> None:
    async def fail() -> None:
        async with service.meter.charge(guest()):
            service.ledger.fail_with(StoreUnavailable("the ledger is down"))
            raise KeyError("the fault")

    with pytest.raises(KeyError, match="the fault"):
        await fail()


async def test_guests_are_refused_while_the_ledger_is_down(service: Service) -> None:
    service.ledger.fail_with(StoreUnavailable("the ledger is down"))
    with pytest.raises(StoreUnavailable):
        await use(service, guest())


async def test_a_user_is_served_while_the_ledger_is_down(service: Service) -> None:
    service.ledger.fail_with(StoreUnavailable("the ledger is down"))
    await use(service, user("alice"))
    service.ledger.recover()
    assert (await service.meter.usage(user("alice"))).count == 0
