"""Which frames of a session are analysed, and its measurements."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from application.sessions.adaptation import Window
from application.sessions.intake import LatestFrame, RateLimiter
from application.sessions.load import LoadWatch, fair_share
from application.sessions.measures import Measures, WindowMeter, percentile
from domain.session import Frame
from entrypoints.wire.frame_data import sent_image


@pytest.mark.parametrize(("sent", "kept"), [(10, 30), (30, 30), (60, 30), (1000, 30), (5, 0.5)])
def test_the_rate_limiter_keeps_the_configured_rate(sent: float, kept: float) -> None:
    limiter, taken = RateLimiter(kept), 0
    for i in range(int(sent * 10)):
        if limiter.wait_s(i / sent) == 0:
            limiter.count(i / sent)
            taken += 1
    assert taken == pytest.approx(min(sent, kept) * 10, abs=2)


def test_the_rate_limiter_tolerates_uneven_frames() -> None:
    limiter = RateLimiter(10)
    for i in range(100):
        at_s = i * 0.1 + (0.08 if i % 2 else 0)
        assert limiter.wait_s(at_s) == 0
        limiter.count(at_s)


def test_a_waiting_frame_is_replaced_by_a_newer_one() -> None:
    latest = LatestFrame()
    one, two = Frame(1, 0, sent_image(b""), 0), Frame(2, 0, sent_image(b""), 0)
    assert latest.put(one) is None
    assert latest.put(two) is one
    assert latest.take() is two
    assert latest.take() is None


def test_percentiles_are_measured_values() -> None:
    assert percentile([], 95) == 0
    assert percentile([3], 50) == 3
    assert percentile(range(1, 101), 95) == 95
    assert percentile([1, 2, 3, 4], 50) == 2


def test_measures_use_bounded_memory_and_drop_old_rates() -> None:
    measures = Measures()
    for i in range(5000):
        measures.result(at_s=i / 20, processing_s=0.01, latency_s=0.02, faces=1)
    assert measures.fps(5000 / 20) == pytest.approx(20, rel=0.05)
    assert measures.fps(5000 / 20 + 10) == 0
    snapshot = measures.snapshot(250, (640, 480), 1)
    assert (snapshot.processed_frames, snapshot.latency_p95_s) == (5000, 0.02)


def test_the_rate_is_that_of_the_last_three_seconds() -> None:
    measures = Measures()
    for at_s in (*(tenth / 10 for tenth in range(20)), 2.0, 3.0, 4.0, 5.0):
        measures.result(at_s=at_s, processing_s=0.01, latency_s=0.02, faces=1)
    assert measures.fps(5.0) == 1


@pytest.mark.parametrize(
    ("capacity", "demands", "level"),
    [
        (30, [60, 60, 60], 10),
        (30, [5, 60, 60], 12.5),
        (30, [5, 5, 60], 20),
        (100, [5, 5, 60], 60),
        (10, [], 0),
    ],
)
def test_the_fair_share_satisfies_small_demands(
    capacity: float, demands: Sequence[float], level: float
) -> None:
    assert fair_share(capacity, demands) == pytest.approx(level)


@pytest.mark.parametrize(
    ("frames", "windows"),
    [
        (3, []),  # too few for a window, however long they take
        (4, [Window(4.0, 4, 4, 0.4)]),
        (8, [Window(4.0, 4, 4, 0.4), Window(4.0, 4, 4, 0.4)]),
    ],
)
def test_a_window_has_four_frames_at_least(frames: int, windows: Sequence[Window]) -> None:
    measures, meter, seen = Measures(), WindowMeter(), []
    for at_s in range(frames + 1):
        measures.received += 1
        measures.processed += 1
        if (window := meter.add(measures, 0.1, float(at_s))) is not None:
            seen.append(window)
    assert [replace(w, busy_s=0) for w in seen] == [replace(w, busy_s=0) for w in windows]
    assert [each.busy_s for each in seen] == pytest.approx([each.busy_s for each in windows])


def counted(received: int, answered: int) -> Measures:
    measures = Measures()
    measures.received, measures.processed = received, answered
    return measures


def test_a_machine_that_serves_the_configured_rate_is_not_full() -> None:
    watch = LoadWatch(0)
    sender = {"a": (counted(received=100, answered=20), 10.0)}
    assert watch.review(sender, utilisation=1.0, now_s=2) is None


def test_less_than_was_served_is_recommended_so_that_the_overload_ends() -> None:
    watch = LoadWatch(0)
    senders = {key: (counted(received=60, answered=20), 30.0) for key in "ab"}
    assert watch.review(senders, utilisation=1.0, now_s=2) == "full"
    assert watch.fair_rate == 8.5


def test_a_full_machine_has_room_again_after_three_calm_windows_in_a_row() -> None:
    watch = LoadWatch(0)
    senders = {key: (counted(received=60, answered=20), 30.0) for key in "ab"}
    used = (1.0, 0.59, 0.59, 0.6, 0.59, 0.59, 0.59, 0.59)
    seen = [watch.review(senders, each, 2.0 * (i + 1)) for i, each in enumerate(used)]
    assert seen == [*["full"] * 6, "room again", None]
