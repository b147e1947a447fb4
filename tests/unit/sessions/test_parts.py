"""The parts of a session, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from application.sessions.adaptation import Adaptation, Window
from application.sessions.events import Suggestion
from application.sessions.intake import LatestFrame, RateLimiter
from application.sessions.measures import Measures, WindowMeter, percentile
from application.sessions.slots import fair_share
from domain.session import Frame
from domain.session_config import SessionConfig
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


class Machine:
    """Drives an adaptation through windows in which some of 20 frames are answered."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.adaptation = Adaptation.starting_with(config)

    def window(self, *, served: int, busy: float, failed: int = 0) -> list[Suggestion]:
        window = Window(2.1, received=20, answered=served + failed, busy_s=busy * 2.1)
        self.adaptation, told = self.adaptation.after(window)
        return [] if told is None else [told]

    def configure(self, wishes: Mapping[str, object]) -> None:
        self.config = self.config.changed(wishes)
        self.adaptation = self.adaptation.with_config(self.config)

    def obeyed(self, windows: int, *, served: int, busy: float) -> list[Mapping[str, object]]:
        """The suggestions in this many windows to a client that follows each at once."""
        seen = []
        for _ in range(windows):
            for told in self.window(served=served, busy=busy):
                seen.append(told.config)
                self.configure(told.config)
        return seen


# Of 20 frames in a window: how many get an answer, and how much of the time one is in work.
BEHIND, BUSY, CALM = (10, 1.0), (20, 0.9), (20, 0.1)
FULL, LOWER, LOWEST = (640, 480), (480, 360), (320, 240)


@pytest.mark.parametrize(
    ("windows", "resolutions"),
    [
        ([BUSY, BUSY, BUSY], [FULL, FULL, FULL]),
        ([BEHIND, BEHIND, BEHIND], [LOWER, LOWEST, LOWEST]),
        ([BEHIND, BUSY, BUSY, BUSY], [LOWER, LOWER, LOWER, LOWER]),
        ([BEHIND, CALM, CALM, CALM], [LOWER, LOWER, LOWER, FULL]),
        ([BEHIND, CALM, CALM, BUSY, CALM, CALM], [LOWER] * 6),
        ([BEHIND, BEHIND, *3 * [CALM], *3 * [CALM]], [LOWER, *3 * [LOWEST], *3 * [LOWER], FULL]),
        # A relapse: now it takes six calm windows.
        (
            [BEHIND, *3 * [CALM], BEHIND, *6 * [CALM]],
            [*3 * [LOWER], FULL, *6 * [LOWER], FULL],
        ),
    ],
)
def test_the_effort_follows_the_windows(
    windows: Sequence[tuple[int, float]], resolutions: Sequence[tuple[int, int]]
) -> None:
    adaptation, seen = Adaptation.starting_with(SessionConfig()), []
    for answered, busy in windows:
        window = Window(2.0, received=20, answered=answered, busy_s=2 * busy)
        adaptation, _ = adaptation.after(window)
        seen.append(adaptation.effort.resolution)
    assert seen == list(resolutions)


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
    assert [replace(each, busy_s=pytest.approx(each.busy_s)) for each in windows] == seen


def started(config: SessionConfig) -> Machine:
    machine = Machine(config)
    machine.window(served=20, busy=0.1)
    return machine


def test_a_session_on_a_slow_machine_steps_down_with_a_suggestion() -> None:
    machine = started(SessionConfig(detection_interval=1, prioritize_realtime=True))
    told = [s for _ in range(8) for s in machine.window(served=10, busy=1.0)]
    seen = [dict(suggestion.config) for suggestion in told]
    assert [c.get("processing_resolution") for c in seen] == [
        (480, 360), (320, 240), (320, 240), (320, 240), (320, 240), None,
    ]  # fmt: skip
    assert [c.get("detection_interval") for c in seen] == [1, 1, 2, 3, 5, None]
    assert seen[-1] == {"max_frame_rate": 4.8}


def test_without_prioritize_realtime_the_detector_interval_stays() -> None:
    machine = started(SessionConfig(detection_interval=2))
    for _ in range(10):
        machine.window(served=10, busy=1.0)
    assert machine.adaptation.effort.interval == 2
    assert machine.adaptation.effort.resolution == (320, 240)


def test_without_auto_adjust_the_session_is_only_advised_once() -> None:
    machine = started(SessionConfig(auto_adjust=False))
    told = [s for _ in range(5) for s in machine.window(served=10, busy=1.0)]
    assert machine.adaptation.effort.resolution == (640, 480)
    assert [dict(s.config) for s in told] == [
        {"max_frame_rate": 4.8, "auto_adjust": True, "processing_resolution": (320, 240)}
    ]
    calm = [s for _ in range(5) for s in machine.window(served=20, busy=0.1)]
    assert [s.config["max_frame_rate"] for s in calm] == [30]


def test_frames_that_cannot_be_read_do_not_mean_falling_behind() -> None:
    machine = started(SessionConfig())
    assert [s for _ in range(5) for s in machine.window(served=10, failed=10, busy=0.1)] == []


def test_a_session_at_the_lowest_effort_is_advised_a_lower_rate() -> None:
    machine = started(SessionConfig(processing_resolution=(64, 64)))
    (told,) = [s for _ in range(5) for s in machine.window(served=10, busy=1.0)]
    assert set(told.config) == {"max_frame_rate"}


@pytest.mark.parametrize("prioritize_realtime", [False, True])
@pytest.mark.parametrize("auto_adjust", [False, True])
def test_a_client_that_takes_all_advice_gets_back_to_what_it_wanted(
    auto_adjust: bool, prioritize_realtime: bool
) -> None:
    wanted = SessionConfig(auto_adjust=auto_adjust, prioritize_realtime=prioritize_realtime)
    machine = started(wanted)
    for _ in range(3):
        machine.obeyed(40, served=10, busy=1.0)
        lowered = machine.config
        assert (lowered.processing_resolution, lowered.max_frame_rate) == ((320, 240), 4.8)
        machine.obeyed(200, served=20, busy=0.1)
        assert machine.config == replace(wanted, auto_adjust=True)


def test_the_way_up_goes_by_the_steps_of_the_way_down() -> None:
    machine = started(SessionConfig())
    machine.obeyed(20, served=10, busy=1.0)
    up = machine.obeyed(40, served=20, busy=0.1)
    assert [(c["processing_resolution"], c.get("max_frame_rate")) for c in up] == [
        ((480, 360), None), ((640, 480), None), ((640, 480), 30),
    ]  # fmt: skip


def test_a_rate_below_the_advised_one_still_counts_as_advice() -> None:
    machine = started(SessionConfig())
    for _ in range(4):
        machine.window(served=10, busy=1.0)
    machine.configure({"max_frame_rate": 4})
    assert machine.adaptation.wanted_rate == 30


def test_settings_without_influence_on_the_effort_keep_it() -> None:
    machine = started(SessionConfig())
    machine.window(served=10, busy=1.0)
    for wishes in ({"video_source": "door"}, {"max_frame_rate": 20}, {"smooth_window_size": 2}):
        machine.configure(wishes)
        assert machine.adaptation.effort.resolution == (480, 360)
    assert machine.adaptation.wanted_rate == 20


def test_a_resolution_that_was_not_advised_is_the_new_top() -> None:
    machine = started(SessionConfig())
    machine.obeyed(1, served=10, busy=1.0)
    machine.configure({"processing_resolution": (400, 300)})
    assert machine.adaptation.effort.resolution == (400, 300)
    assert machine.obeyed(20, served=20, busy=0.1) == []


def test_a_resolution_requested_again_is_used() -> None:
    machine = started(SessionConfig())
    machine.obeyed(20, served=10, busy=1.0)
    machine.obeyed(8, served=20, busy=0.1)
    for size in ((1000, 800), (640, 480)):
        machine.configure({"processing_resolution": size})
        assert machine.adaptation.effort.resolution == size


def test_advice_followed_in_parts_counts_as_followed() -> None:
    machine = started(SessionConfig(auto_adjust=False))
    (told,) = [s for _ in range(3) for s in machine.window(served=10, busy=1.0)]
    for key, value in told.config.items():
        machine.configure({key: value})
    assert machine.adaptation.effort.resolution == (320, 240)
    machine.obeyed(40, served=20, busy=0.1)
    assert machine.config == SessionConfig()


def test_withdrawn_advice_does_not_block_the_same_request() -> None:
    machine = started(SessionConfig())
    machine.obeyed(1, served=10, busy=1.0)
    machine.obeyed(10, served=20, busy=0.1)
    machine.configure({"processing_resolution": (480, 360)})
    assert machine.adaptation.effort.resolution == (480, 360)
    assert machine.obeyed(20, served=20, busy=0.1) == []


def test_auto_adjust_switched_off_leaves_what_is_configured() -> None:
    machine = started(SessionConfig())
    machine.obeyed(3, served=10, busy=1.0)
    machine.configure({"auto_adjust": False})
    assert machine.adaptation.effort.resolution == machine.config.processing_resolution
    assert machine.config.processing_resolution != (640, 480)


def test_effort_rises_only_after_several_calm_windows() -> None:
    machine = started(SessionConfig())
    machine.window(served=10, busy=1.0)
    assert machine.adaptation.effort.resolution == (480, 360)
    machine.window(served=20, busy=0.1)
    machine.window(served=20, busy=0.1)
    machine.window(served=20, busy=0.9)
    machine.window(served=20, busy=0.1)
    machine.window(served=20, busy=0.1)
    assert machine.adaptation.effort.resolution == (480, 360)
    machine.window(served=20, busy=0.1)
    assert machine.adaptation.effort.resolution == (640, 480)


def test_a_session_at_its_limit_oscillates_less_and_less() -> None:
    machine = started(SessionConfig())
    changes = []
    for i in range(200):
        level = machine.adaptation.effort.resolution
        on_top = level == (640, 480)
        if machine.window(served=10 if on_top else 20, busy=0.1):
            changes.append(i)
    assert len(changes) < 24
    assert changes[-1] - changes[-3] > changes[2] - changes[0]
