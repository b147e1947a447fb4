from collections.abc import Callable
from typing import get_args

import pytest
from opentelemetry.sdk.trace import TracerProvider

from adapters.in_memory import InMemoryTelemetry
from adapters.opentelemetry import TracedTelemetry
from adapters.prometheus.telemetry import PrometheusTelemetry
from application.ports.telemetry import Event, Telemetry

TELEMETRIES: dict[str, Callable[[], Telemetry]] = {
    "in-memory": InMemoryTelemetry,
    "prometheus": PrometheusTelemetry,
    "traced": lambda: TracedTelemetry(InMemoryTelemetry(), TracerProvider().get_tracer("test")),
}


@pytest.fixture(params=TELEMETRIES)
def telemetry(request: pytest.FixtureRequest) -> Telemetry:
    return TELEMETRIES[request.param]()


def test_a_stage_reraises_the_error_of_its_block(telemetry: Telemetry) -> None:
    with pytest.raises(LookupError, match="as it was"), telemetry.stage("decode"):
        raise LookupError("as it was")


def test_stages_may_overlap(telemetry: Telemetry) -> None:
    with telemetry.stage("store"), telemetry.stage("upload"), telemetry.stage("store"):
        telemetry.count("face_read", 0)


def measure(telemetry: Telemetry) -> None:
    """Take every measurement."""
    telemetry.count("image_analysed")
    telemetry.count("face_read", 3)
    telemetry.count("detection_stored")
    telemetry.count("detection_given_up")
    telemetry.frame_done("result", 0.02)
    telemetry.frame_done("dropped")
    with telemetry.frame(0.5):
        telemetry.frame_done("error")
    telemetry.circuit("MongoDB", is_open=False)
    telemetry.circuit("MongoDB", is_open=True)
    telemetry.count("certificate_fetch_failed")


def test_every_measurement_is_accepted(telemetry: Telemetry) -> None:
    measure(telemetry)


def test_prometheus_shows_every_measurement() -> None:
    telemetry = PrometheusTelemetry()
    measure(telemetry)
    shown = {
        ("emotion_images_total", ""): 1,
        ("emotion_faces_total", ""): 3,
        ("emotion_detections_stored_total", "done"): 1,
        ("emotion_detections_stored_total", "failed"): 1,
        ("emotion_stream_frames_total", "result"): 1,
        ("emotion_stream_frames_total", "dropped"): 1,
        ("emotion_stream_frames_total", "error"): 1,
        ("emotion_stream_latency_seconds_sum", ""): 0.02,
        ("emotion_certificate_fetch_failures_total", ""): 1,
    }
    for (name, outcome), value in shown.items():
        labels = {"outcome": outcome} if outcome else {}
        assert telemetry.registry.get_sample_value(name, labels) == value, name
    assert telemetry.registry.get_sample_value("emotion_circuit_open", {"part": "MongoDB"}) == 1


def test_prometheus_has_a_counter_for_every_event() -> None:
    telemetry = PrometheusTelemetry()
    for event in get_args(Event):
        telemetry.count(event)


def test_the_in_memory_telemetry_keeps_measurements() -> None:
    telemetry = InMemoryTelemetry()
    with telemetry.stage("detect"):
        telemetry.count("face_read", 2)
    telemetry.count("face_read")
    telemetry.circuit("MongoDB", is_open=True)
    assert telemetry.stages == {"detect": 1}
    assert telemetry.counts == {"face_read": 3}
    assert telemetry.circuits == {"MongoDB": True}
