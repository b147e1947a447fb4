"""The service as the manifests start it: their environment, user, file system, probes and end."""

from pathlib import Path

import httpx
import pytest

from tests.deploy.manifests import OVERLAYS, environment, only
from tests.deploy.pod import may_write, running_pod, standing
from tests.servers.cloudinary import API_KEY, API_SECRET, CLOUD, CloudinaryDouble
from tests.servers.firebase import PROJECT, FirebaseEmulator

SECRET_KEY = "of-the-pods-0123456789abcdefghijk"
SAMPLES = Path(__file__).parents[2] / "entrypoints" / "web" / "static" / "samples"
PHOTOGRAPH = (SAMPLES / "astronaut.jpg").read_bytes()
# Without a pod network the address in the manifests would mean every interface.
HERE = {"HOST": "127.0.0.1", "PORT": "0"}

overlays = {overlay.name: overlay for overlay in OVERLAYS}


async def test_the_single_node_pod_starts_serves_and_stops(tmp_path: Path) -> None:
    overlay = overlays["single-node"]
    data, root = tmp_path / "data", tmp_path / "root"
    data.mkdir()
    root.mkdir()
    settings = environment(overlay, {"SECRET_KEY": SECRET_KEY}) | HERE
    async with running_pod(overlay, settings, data, root) as pod:
        assert await pod.probe("startupProbe") == 200
        assert await pod.probe("readinessProbe") == 200
        assert await pod.probe("livenessProbe") == 200

        said = standing(pod.process.pid)
        assert said["Uid"].split() == ["10001"] * 4
        assert (said["CapEff"], said["CapBnd"]) == ("0" * 16, "0" * 16)
        assert said["NoNewPrivs"] == "1"
        folders = ("/", "/usr", "/etc", "/tmp", "/data")
        writable = [path for path in folders if may_write(pod.process.pid, path)]
        assert writable == ["/tmp", "/data"]

        async with httpx.AsyncClient(base_url=pod.url, trust_env=False, timeout=60) as guest:
            answer = await guest.post("/api/detect", files={"file": ("me.jpg", PHOTOGRAPH)})
        assert answer.json()["detection_results"]["face_detected"] is True
        assert await pod.stop() == 0
    assert (data / "emotion.sqlite3").exists(), "the history is in the volume"


async def test_a_copy_on_the_cloud_stores(
    tmp_path: Path,
    mongodb_uri: str,
    mongodb_name: str,
    redis_url: str,
    firebase: FirebaseEmulator,
    cloudinary: CloudinaryDouble,
) -> None:
    overlay = overlays["cloud"]
    data, root = tmp_path / "data", tmp_path / "root"
    data.mkdir()
    root.mkdir()
    secret = {
        "SECRET_KEY": SECRET_KEY,
        "MONGODB_URI": mongodb_uri,
        "REDIS_URL": redis_url,
        "CLOUDINARY_API_KEY": API_KEY,
        "CLOUDINARY_API_SECRET": API_SECRET,
        "FIREBASE_SERVICE_ACCOUNT_B64": "",  # the emulator needs none
    }
    stand_ins = {
        "MONGODB_NAME": mongodb_name,
        "CLOUDINARY_CLOUD_NAME": CLOUD,
        "CLOUDINARY_UPLOAD_PREFIX": cloudinary.url,
        "CLOUDINARY_DELIVERY_URL": cloudinary.url,
        "ENVIRONMENT": "development",
        "FIREBASE_PROJECT_ID": PROJECT,
        "FIREBASE_AUTH_EMULATOR_HOST": firebase.host,
    }
    settings = environment(overlay, secret) | stand_ins | HERE
    async with running_pod(overlay, settings, data, root) as pod:
        assert await pod.probe("readinessProbe") == 200
        async with httpx.AsyncClient(base_url=pod.url, trust_env=False, timeout=60) as client:
            parts = (await client.get("/readyz")).json()["services"]
        assert parts["redis"] == "up"
        assert await pod.stop() == 0


@pytest.mark.parametrize("name", [name for name in overlays if name != "single-node"])
def test_a_missing_key_of_the_secret_is_reported(name: str) -> None:
    with pytest.raises(KeyError):
        environment(overlays[name], {"SECRET_KEY": SECRET_KEY})
    assert only(overlays[name], "ConfigMap")["data"]["AUTH"] == "firebase"
