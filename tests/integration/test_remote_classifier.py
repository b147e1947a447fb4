"""The service with a remote classifier: at the start, during an outage, and after it."""

import asyncio
from pathlib import Path

import cv2
import httpx
import pytest
import skimage.data

from application.errors import InferenceUnavailable
from entrypoints.container import Container
from entrypoints.process.asgi import create_app
from entrypoints.settings import load_settings
from tests.servers.flaky import flaky_proxy
from tests.servers.listening import listening


@pytest.fixture(autouse=True)
def remote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings of a service with a remote classifier."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLASSIFIER", "remote")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("REMOTE_CLASSIFIER_TIMEOUT_S", "30")


def photograph() -> dict[str, bytes]:
    encoded = cv2.imencode(".png", cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR))[1]
    return {"file": encoded.tobytes()}


async def test_the_service_starts_without_the_server_and_uses_it_later(
    monkeypatch: pytest.MonkeyPatch, triton: str
) -> None:
    async with flaky_proxy(triton.removeprefix("http://")) as wire:
        monkeypatch.setenv("REMOTE_CLASSIFIER_URL", f"http://{wire.address}")
        wire.stop()
        # In a thread: it blocks until the proxy, which runs here, has refused it.
        app = await asyncio.to_thread(create_app)
        async with (
            listening(app) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            for _ in range(2):
                ready = await client.get("/readyz")
                assert ready.status_code == 503
                assert ready.json()["services"]["emotion_classifier"] == "down"
                refused = await client.post("/api/detect", files=photograph())
                assert refused.status_code == 503
                assert refused.json()["code"] == "inference_unavailable"
                assert int(refused.headers["Retry-After"]) >= 1
            assert (await client.get("/api/model")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200

            wire.behave()
            while (await client.get("/readyz")).status_code != 200:
                pass
            found = await client.post("/api/detect", files=photograph())
            assert found.json()["detection_results"]["faces"][0]["dominant_emotion"] == "happy"
            classifier = (await client.get("/api/model")).json()["classifier"]
            assert classifier["name"] == "emotion (remote)"
            assert classifier["measured"] == {}

            wire.stop()
            refused = await client.post("/api/detect", files=photograph())
            assert refused.status_code == 503
            assert (await client.get("/readyz")).status_code == 503


async def test_a_server_with_another_model_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, triton: str
) -> None:
    monkeypatch.setenv("REMOTE_CLASSIFIER_URL", triton)
    monkeypatch.setenv("REMOTE_CLASSIFIER_MODEL", "gestures")
    with pytest.raises(InferenceUnavailable, match="has no model gestures"):
        Container(settings=load_settings()).vision().crop_classifier()


def test_waiting_for_the_server_leaves_no_processor_idle() -> None:
    vision = load_settings(env_file=None, remote_classifier_url="http://triton:8000").vision
    here = vision.model_copy(update={"classifier": "onnx"}).frames_in_work
    assert vision.frames_in_work == here + vision.remote_classifier_connections
