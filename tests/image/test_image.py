"""The image, built by the Dockerfile as it is and run as the compose file does."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import PIL.Image
import pillow_heif
import pytest

from tests.e2e import videos
from tests.image.engine import ROOT, Engine
from tests.servers.redis import free_port

pytestmark = pytest.mark.image

NAME = "localhost/emotion-api:test"
PHOTOGRAPH = (ROOT / "entrypoints" / "web" / "static" / "samples" / "astronaut.jpg").read_bytes()
MAX_IMAGE_BYTES = 600_000_000
"""Bytes of all layers; 583,000,000 were measured on a Debian of 151,000,000."""
LIMITS = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges",
    "--memory", "1500m", "--pids-limit", "200",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, str]]:
    """The engine, and the output of the build."""
    engine = Engine(tmp_path_factory.mktemp("engine"))
    engine.make_bases()
    yield engine, engine.build(NAME)
    engine.close()


LOAD_EVERY_ADAPTER = """
import importlib, pkgutil, adapters
extras = ("adapters.vit", "adapters.opentelemetry")  # which the image is built without
for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
    if not module.name.startswith(extras):
        importlib.import_module(module.name)
"""


@asynccontextmanager
async def running(engine: Engine, name: str, **wanted: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a container of the image, once it is ready."""
    port = free_port()
    run = ("run", "--detach", "--name", name, "--network", "host", *LIMITS)
    # The engine would raise them, which not every machine allows.
    files = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    values = {"HOST": "127.0.0.1", "PORT": str(port), "GUEST_MAX_USAGE": "100",
              "GUEST_MAX_USAGE_PER_ADDRESS": "100"} | wanted  # fmt: skip
    settings = [part for value in values.items() for part in ("--env", "=".join(value))]
    await asyncio.to_thread(engine.podman, *run, *files, *settings, NAME)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:
        async with asyncio.timeout(120):
            while True:
                try:
                    ready = await client.get("/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)  # no event says when a container listens
        assert ready.json()["status"] == "ready"
        yield client
    await asyncio.to_thread(engine.podman, "rm", "--force", name)


def test_the_image_is_built_without_warnings_and_within_its_size(built) -> None:
    engine, said = built
    # A registry that was slow for a moment is no fault of the image.
    lines = [line for line in said.splitlines() if "Retrying" not in line]
    assert [line for line in lines if "warning" in line.lower()] == []
    assert engine.size(NAME) < MAX_IMAGE_BYTES


def test_the_image_contains_no_build_tools(built) -> None:
    engine, _ = built
    mounted = Path(engine.podman("image", "mount", NAME))
    site = mounted / "opt" / "emotion-api" / "lib" / "python3.11" / "site-packages"
    assert not {"pip", "setuptools", "wheel"} & {path.name for path in site.iterdir()}
    assert not [path for path in site.rglob("tests") if path.is_dir()]
    engine.podman("image", "unmount", NAME)


def test_the_image_history_names_no_package_index(built) -> None:
    engine, _ = built
    steps = engine.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", NAME)
    assert "PIP_" not in steps
    assert "://" not in steps.replace("http://127.0.0.1:%s/healthz", "")


async def test_the_image_runs_within_limits_and_answers(built) -> None:
    engine, _ = built
    async with running(engine, "answers") as client:
        found = await client.post("/api/detect", files={"file": ("me.jpg", PHOTOGRAPH)})
        page = await client.get("/web/vendor/socket.io.js")
        whoami = await asyncio.to_thread(engine.podman, "exec", "answers", "id", "-u")
        (state,) = json.loads(await asyncio.to_thread(engine.podman, "inspect", "answers"))
        check = state["Config"]["Healthcheck"]["Test"][1:]
        await asyncio.to_thread(engine.podman, "exec", "answers", *check)
    assert found.json()["detection_results"]["face_detected"] is True
    assert page.status_code == 200, "what Live needs came from npm"
    assert whoami == "10001"


async def test_the_image_reads_every_format_and_loads_every_adapter(built, tmp_path: Path) -> None:
    engine, _ = built
    pillow_heif.register_heif_opener()
    astronaut = PIL.Image.open(io.BytesIO(PHOTOGRAPH))
    async with running(engine, "reads", FACE_DETECTOR="haar") as client:

        def within(*command: str) -> str:
            return engine.podman("exec", "reads", *command)

        await asyncio.to_thread(within, "python", "-W", "ignore", "-c", LOAD_EVERY_ADAPTER)
        for kind in ("PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
            image = io.BytesIO()
            astronaut.save(image, kind)
            answer = await client.post("/api/detect", files={"file": ("me", image.getvalue())})
            assert answer.json()["detection_results"]["face_detected"] is True, kind
        schema = await client.get("/docs/openapi.json")
        assert "/api/detect" in schema.json()["paths"]
        sign = "emotion-api token --user alice@example.com 2>/dev/null"
        token = await asyncio.to_thread(within, "sh", "-c", sign)
        signed_in = await client.post("/auth/verify-token", json={"id_token": token.split()[-1]})
        client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        sent = await videos.send(client, videos.write_interview(tmp_path / "interview.mp4", 3))
        video = await videos.ended(client, sent.json()["video_id"])
        assert (video["status"], video["frames_analysed"]) == ("done", 15)


async def test_the_container_finishes_accepted_requests_before_it_stops(built) -> None:
    engine, _ = built
    async with running(engine, "ends") as client:
        sent = [
            asyncio.create_task(client.post("/api/detect", files={"file": ("me.jpg", PHOTOGRAPH)}))
            for _ in range(12)
        ]
        async with asyncio.timeout(60):
            await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(engine.podman, "stop", "--time", "60", "ends")
        answers = await asyncio.gather(*sent)
        (state,) = json.loads(await asyncio.to_thread(engine.podman, "inspect", "ends"))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert state["State"]["ExitCode"] == 0
