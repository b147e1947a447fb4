"""How much effort a session makes, and what its client is advised."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from application.sessions.adaptation import Adaptation, Effort, Window
from application.sessions.events import Suggestion
from domain.session_config import ConfigChange, SessionConfig


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
        self.config = self.config.changed(ConfigChange(wishes))
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


def test_each_relapse_doubles_the_calm_windows_up_to_24() -> None:
    machine, waited = started(SessionConfig()), []
    for _ in range(6):
        machine.window(served=10, busy=1.0)
        waited.append(0)
        while machine.adaptation.level:
            machine.window(served=20, busy=0.1)
            waited[-1] += 1
    assert waited == [3, 6, 12, 24, 24, 24]


def test_a_rate_that_was_advised_stays_advice_when_the_client_chooses_another_effort() -> None:
    machine = started(SessionConfig(detection_interval=1, prioritize_realtime=True))
    machine.obeyed(20, served=10, busy=1.0)
    assert machine.config.max_frame_rate == 4.8
    machine.configure(
        {
            "processing_resolution": (480, 360),
            "detection_interval": 2,
            "prioritize_realtime": False,
        }
    )
    assert machine.adaptation.effort == Effort((480, 360), 2)
    assert machine.adaptation.wanted_rate == 30


def test_an_interval_of_the_clients_own_ends_the_advice_on_it() -> None:
    machine = started(SessionConfig(detection_interval=1, prioritize_realtime=True))
    machine.obeyed(3, served=10, busy=1.0)
    assert machine.config.detection_interval == 2
    assert machine.adaptation.wanted.detection_interval == 1
    machine.configure({"detection_interval": 7})
    machine.configure({"detection_interval": 2})
    assert machine.adaptation.wanted.detection_interval == 2
