"""The container files: what can be checked and run without a container engine."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from entrypoints.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# The first patch versions without the vulnerabilities known when they were chosen:
# CVE-2025-14847 in MongoDB, CVE-2025-49844 in Redis, and those that the vendors list.
CLOSED_SINCE = {
    "mongo": (8, 0, 17),
    "redis": (7, 2, 11),
    "python": (3, 11, 17),
    "nginx": (1, 30, 5),
    "node": (22, 23, 3),
    "prom/prometheus": (3, 13, 3),
    "grafana/grafana": (12, 4, 11),
}
LIVE_CLIENT = "// what npm brings for Live"


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments, lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def last(name: str) -> str:
    return [arguments for instruction, arguments in instructions() if instruction == name][-1]


def final_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in last("ENV").split())


def test_every_image_is_pinned_to_a_version_without_known_vulnerabilities() -> None:
    images = [a.split()[0] for i, a in instructions() if i == "FROM"]
    for file in (ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").glob("compose.*.yml"))):
        images += re.findall(r"^    image: (\S+:\S+)", file.read_text(), flags=re.MULTILINE)
    assert {image.split(":")[0] for image in images} == set(CLOSED_SINCE)
    for image in images:
        name, tag = image.split(":")
        version = tuple(int(number) for number in tag.removeprefix("v").split("-")[0].split("."))
        assert len(version) == 3, f"{image} may be anything from one day to the next"
        assert version[:2] == CLOSED_SINCE[name][:2], f"{image}: look up what is closed since when"
        assert version >= CLOSED_SINCE[name], image


def test_the_service_does_not_run_as_root_and_has_a_health_check() -> None:
    names = [name for name, _ in instructions()]
    after_the_last_stage = names[len(names) - names[::-1].index("FROM") :]
    assert last("USER") == "10001"
    assert after_the_last_stage.index("USER") < after_the_last_stage.index("CMD")
    assert "HEALTHCHECK" in after_the_last_stage
    assert last("STOPSIGNAL") == "SIGTERM"
    assert json.loads(last("CMD")) == ["emotion-api", "serve"], "a shell would keep SIGTERM away"


def test_copied_files_exist_and_are_not_ignored() -> None:
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for name, arguments in instructions():
        if name != "COPY" or "--from" in arguments:
            continue
        for source in [a for a in arguments.split()[:-1] if not a.startswith("--")]:
            assert {source, source.split("/")[0].replace("[s]", "s")} & let_through
            assert "[" in source or (ROOT / source).exists(), source


def test_the_container_files_contain_no_secret() -> None:
    for name, service in COMPOSE["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|URI", variable):
                assert "${" in value, f"{name}: {variable}"


def test_compose_uses_existing_settings() -> None:
    known = {name.upper() for name in SETTINGS}
    assert set(COMPOSE["services"]["service"]["environment"]) <= known
    assert set(final_environment()) - {"PATH", "PYTHONUNBUFFERED"} <= known


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_has_limits_and_a_restart_rule(name: str) -> None:
    service = COMPOSE["services"][name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == "unless-stopped"


def replicas() -> dict[str, Any]:
    """The services of deploy/compose.replicas.yml."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads Compose's own tags as well."""

    Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
    text = (ROOT / "deploy" / "compose.replicas.yml").read_text()
    return dict(yaml.load(text, Loader)["services"])


def test_the_replicas_share_neither_port_nor_data() -> None:
    service = replicas()["service"]
    assert service["ports"] == []
    assert service["volumes"] == ["/data"], "an unnamed volume for each copy"
    assert set(service["environment"]) <= {name.upper() for name in SETTINGS}


def test_the_proxy_asks_only_the_name_server_that_knows_the_copies(tmp_path: Path) -> None:
    shutil.copy(ROOT / "deploy" / "nginx.conf", tmp_path / "emotion-api.conf")
    (tmp_path / "resolv.conf").write_text(
        "search dns.podman\nnameserver 172.28.0.1\nnameserver 192.0.2.53\n"
    )
    script = replicas()["proxy"]["command"][-1].replace("$$", "$").partition(" && ")[0]
    script = script.replace("/etc/resolv.conf", str(tmp_path / "resolv.conf"))
    script = script.replace("/etc/nginx/", f"{tmp_path}/")
    subprocess.run(["sh", "-c", script], check=True)
    written = (tmp_path / "nginx.conf").read_text()
    assert re.findall(r"^ *resolver (.*);", written, re.MULTILINE) == [
        "172.28.0.1 valid=2s ipv6=off"
    ]


def test_every_named_volume_is_declared() -> None:
    mounts = [m for s in COMPOSE["services"].values() for m in s.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(COMPOSE["volumes"])


async def test_the_steps_of_the_dockerfile_make_a_working_service(tmp_path: Path) -> None:
    """Build and start as the Dockerfile does, with the third-party packages of this machine."""
    home, data, source = tmp_path / "venv", tmp_path / "data", tmp_path / "source"
    await asyncio.to_thread(build, home, source)
    await asyncio.to_thread(add_live_client, home, source, tmp_path / "node_modules")
    environment = final_environment() | {"PORT": "0", "HOST": "127.0.0.1", "DATA_DIR": str(data)}
    environment["PATH"] = f"{home / 'bin'}:{os.environ['PATH']}"
    data.mkdir(mode=0o700)
    process = await asyncio.create_subprocess_exec(
        *json.loads(last("CMD")), cwd=data, env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            while not (
                found := re.search(rb"ready on http://127.0.0.1:(\d+)", await line(process))
            ):
                pass
        port = found[1].decode()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False
        ) as client:
            ready = await client.get("/readyz")
            page = await client.get("/", headers={"Accept": "text/html"})
            live = await client.get("/web/vendor/socket.io.js")
        assert ready.json()["status"] == "ready"
        assert page.headers["Content-Type"].startswith("text/html")
        assert live.text == LIVE_CLIENT

        check = json.loads(last("HEALTHCHECK").split("CMD", 1)[1])
        healthy = await asyncio.create_subprocess_exec(*check, env=environment | {"PORT": port})
        assert await healthy.wait() == 0
    finally:
        process.terminate()
        await process.communicate()
    ill = await asyncio.create_subprocess_exec(
        *check, env=environment | {"PORT": port}, stderr=subprocess.DEVNULL
    )
    assert await ill.wait() != 0


async def line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    said = await process.stdout.readline()
    assert said, "the service ended"
    return said


def build(home: Path, source: Path) -> None:
    """A virtual environment with the service installed from a copy of the copied files."""
    venv.create(home, with_pip=False)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    # Third-party packages are installed already. A path file makes them visible, and not this
    # checkout, because path files of such a folder are not followed in their turn.
    (site / "third_party.pth").write_text(sysconfig.get_path("purelib"))
    source.mkdir()
    copied = [
        name
        for instruction, arguments in instructions()
        if instruction == "COPY" and "--from" not in arguments and "/page" not in arguments
        for name in arguments.split()[:-1]
        if (ROOT / name).exists() and "web/package" not in name
    ]
    subprocess.run(["cp", "--recursive", *copied, source], cwd=ROOT, check=True)
    # .dockerignore keeps it out.
    shutil.rmtree(source / "entrypoints" / "web" / "node_modules", ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet",
         "--no-deps", "--disable-pip-version-check", source],
        cwd=home, check=True,
    )  # fmt: skip


def add_live_client(home: Path, source: Path, modules: Path) -> None:
    """The next step of the Dockerfile, with a stand-in for the result of the npm stage."""
    client = modules / "socket.io-client" / "dist" / "socket.io.esm.min.js"
    client.parent.mkdir(parents=True)
    client.write_text(LIVE_CLIENT)
    (step,) = [a for i, a in instructions() if i == "RUN" and "/tmp/node_modules" in a]
    step = step.replace("/tmp/node_modules", str(modules)).replace("/opt/emotion-api", str(home))
    subprocess.run(["sh", "-c", step], cwd=source, check=True)
