from collections.abc import Mapping

import msgspec
import pytest

from domain.errors import InvalidRequest
from domain.session_config import SessionConfig
from entrypoints.wire.config import present_config, read_config


def changed(config: SessionConfig, sent: Mapping[str, object]) -> SessionConfig:
    return config.changed(read_config(sent))


def test_a_change_keeps_the_other_settings() -> None:
    config = changed(SessionConfig(min_face_size=40), {"max_frame_rate": 10})
    assert (config.min_face_size, config.max_frame_rate) == (40, 10)


def test_every_effective_setting_can_be_sent_back() -> None:
    told = msgspec.json.decode(msgspec.json.encode(present_config(SessionConfig())))
    assert changed(SessionConfig(), told) == SessionConfig()


def test_unknown_keys_are_ignored_and_named() -> None:
    wishes: dict[str, object] = {
        "skipFrameProcessing": True,
        "max_frame_rate": 10,
        "": None,
        "changed": {},
    }
    assert changed(SessionConfig(), wishes) == SessionConfig(max_frame_rate=10)
    assert read_config(wishes).ignored == ("skipFrameProcessing", "", "changed")


def test_the_named_unknown_keys_are_limited() -> None:
    named = read_config({f"{number} {'x' * 10_000}": 0 for number in range(1000)}).ignored
    assert len(named) == 32
    assert max(len(key) for key in named) == 60


def test_a_whole_number_may_come_as_a_float() -> None:
    assert changed(SessionConfig(), {"detection_interval": 3.0}).detection_interval == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detection_interval", 0),
        ("detection_interval", 31),
        ("detection_interval", 1.5),
        ("detection_interval", True),
        ("detection_interval", "3"),
        ("detection_interval", None),
        ("detection_interval", float("nan")),
        ("min_face_size", 15),
        ("min_face_size", 10**30),
        ("detection_confidence", -0.1),
        ("detection_confidence", 1.1),
        ("detection_confidence", float("nan")),
        ("detection_confidence", 10**400),
        ("detection_confidence", False),
        ("detection_confidence", [0.5]),
        ("processing_resolution", [640]),
        ("processing_resolution", [640, 480, 3]),
        ("processing_resolution", [640, "480"]),
        ("processing_resolution", [63, 480]),
        ("processing_resolution", "640x480"),
        ("processing_resolution", {"width": 640, "height": 480}),
        ("max_frame_rate", 0),
        ("max_frame_rate", 61),
        ("max_frame_rate", float("inf")),
        ("max_frame_rate", "fast"),
        ("return_bounding_boxes", 1),
        ("return_face_landmarks", "true"),
        ("smooth_emotions", None),
        ("smooth_window_size", 0),
        ("smooth_window_size", 61),
        ("auto_adjust", []),
        ("prioritize_realtime", 0),
        ("save_session", "yes"),
        ("video_source", 0),
        ("video_source", "x" * 201),
        ("video_source", "camera \ud800"),
    ],
)
def test_an_invalid_value_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=key) as refusal:
        read_config({"smooth_window_size": 3, key: value})
    assert refusal.value.details["field"] == key
