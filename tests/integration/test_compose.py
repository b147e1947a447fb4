"""The compose files as Docker Compose reads them, without a container engine."""

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from entrypoints.settings import load_settings
from tests.servers.processes import missing

ROOT = Path(__file__).parents[2]
BASE = "docker-compose.yml"
FILES = [(BASE,), *((BASE, f"deploy/{each.name}") for each in ROOT.glob("deploy/compose.*.yml"))]
REPLICAS = (BASE, "deploy/compose.replicas.yml")
EMULATOR = (BASE, "deploy/compose.emulator.yml")
CHOSEN = {
    "SECRET_KEY": "of-the-test-0123456789-abcdefghijkl",
    "MONGODB_PASSWORD": "of the test too",
    "REDIS_PASSWORD": "a third",
}


@pytest.fixture(scope="session")
def docker_compose() -> str:
    """The path of the program in its package, whose own script hides the exit status."""
    package = find_spec("compose")
    if package is not None and package.origin is not None:
        return str(Path(package.origin).with_name("docker-compose"))
    program = shutil.which("docker-compose")
    if program is None:
        missing("Docker Compose", "pip install -e '.[dev]' brings it")
    return program


def said(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The folder may hold an operator's .env, which must not affect the test.
    return subprocess.run(
        [program, "--env-file", "/dev/null", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def read(program: str, files: tuple[str, ...], profile: str) -> dict[str, Any]:
    """The configuration that Compose reads, or its error."""
    chosen = [argument for file in files for argument in ("--file", file)]
    answer = said(program, *chosen, "--profile", profile, "config", "--format", "json", **CHOSEN)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "", "a warning"
    services: dict[str, Any] = json.loads(answer.stdout)["services"]
    return services


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[-1])
def test_compose_reads_the_files_with_every_profile_and_without(docker_compose, files):
    assert {"service", "mongodb"} <= set(read(docker_compose, files, ""))
    everything = read(docker_compose, files, "*")
    for name, service in everything.items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory"} <= set(limits), name
        assert service["restart"] == "unless-stopped", name


def test_only_the_service_is_reached_from_outside_and_only_from_this_host(docker_compose):
    services = read(docker_compose, (BASE,), "")
    (port,) = services["service"]["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "2508", 2508)
    assert "ports" not in services["mongodb"]


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[-1])
def test_the_service_has_a_thread_for_each_processor_it_may_use(docker_compose, files):
    service = read(docker_compose, files, "")["service"]
    processors = service["deploy"]["resources"]["limits"]["cpus"]
    assert float(service["environment"]["INFERENCE_THREADS"]) == float(processors)


def test_there_are_two_replicas_behind_one_proxy_without_shared_data(docker_compose):
    services = read(docker_compose, REPLICAS, "")
    service = services["service"]
    assert service["deploy"]["replicas"] == 2
    assert not service.get("ports")
    (data,) = [each for each in service["volumes"] if each["target"] == "/data"]
    assert "source" not in data, "an unnamed volume for each copy"
    assert [name for name, each in services.items() if each.get("ports")] == ["proxy"]


def test_the_replicas_share_a_redis_and_need_no_sticky_sessions(docker_compose):
    services = read(docker_compose, REPLICAS, "")
    environment = services["service"]["environment"]
    assert environment["REDIS_URL"] == "redis://:a third@redis:6379/0"
    assert "a third" in services["redis"]["command"], "the password that the service comes with"
    assert services["service"]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert services["service"]["depends_on"]["mongodb"]["condition"] == "service_healthy"
    assert environment["REPOSITORY"] == "mongodb"
    assert environment["SOCKETIO_TRANSPORTS"] == "websocket"
    proxy = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert environment["FORWARDED_ALLOW_IPS"] == proxy


def test_the_emulator_has_one_address_for_the_service_and_for_the_browser(
    docker_compose, monkeypatch
):
    services = read(docker_compose, EMULATOR, "")
    for name, value in services["service"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.accounts.environment, settings.accounts.auth) == ("development", "firebase")
    assert settings.accounts.firebase_sign_in_address is not None
    address = urlsplit(settings.accounts.firebase_sign_in_address)
    published = {(port["host_ip"], port["published"]) for port in services["service"]["ports"]}
    assert (address.hostname, str(address.port)) in published
    assert services["firebase"]["network_mode"] == "service:service", "the same address inside"


def test_the_emulator_is_installed_once_and_again_when_its_lock_has_changed(
    docker_compose, monkeypatch, tmp_path
):
    command = read(docker_compose, EMULATOR, "")["firebase"]["command"]
    script = command[-1].replace("/source/", f"{tmp_path}/source/")
    for folder in ("source", "bin", "emulator"):
        (tmp_path / folder).mkdir()
    for program in ("npm", "npx"):
        (tmp_path / "bin" / program).write_text(f'#!/bin/sh\necho "{program} $1"\n')
        (tmp_path / "bin" / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def started(lock: str) -> list[str]:
        (tmp_path / "source" / "package-lock.json").write_text(lock)
        run = subprocess.run(
            [*command[:-1], script], cwd=tmp_path / "emulator", capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return run.stdout.splitlines()

    assert started("one") == ["npm ci", "npx firebase"]
    assert started("one") == ["npx firebase"]
    assert started("two") == ["npm ci", "npx firebase"]


@pytest.mark.parametrize("name", CHOSEN)
def test_a_missing_secret_stops_the_start_and_is_named(docker_compose, name):
    others = {key: value for key, value in CHOSEN.items() if key != name}
    files = [argument for file in REPLICAS for argument in ("--file", file)]
    answer = said(docker_compose, *files, "config", "--quiet", **others)
    assert answer.returncode != 0
    assert name in answer.stderr
