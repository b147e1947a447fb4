"""The service contacts nothing that its settings do not name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.processes import missing
from tests.servers.recorded_network import attempts_of, command_within

ROOT = Path(__file__).parents[2]
SCENARIO = Path(__file__).with_name("a_whole_visit.py")
CALLS_HOME = """
import socket
for reach in (
    lambda: socket.getaddrinfo("telemetry.example", 443),
    lambda: socket.create_connection(("203.0.113.1", 443), 0.1),
    lambda: socket.create_connection(("2001:db8:1::1", 443), 0.1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.1", 4433)),
):
    try:
        reach()
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def namespaces() -> None:
    """Skips if this machine cannot give a process a network namespace."""
    command = command_within(Path(os.devnull), ["true"])
    try:
        tried = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        missing(str(error.filename), "run: apt-get install util-linux")
    if tried.returncode:
        missing(
            "A network to record", f"root, iproute2 and /dev/net/tun are needed: {tried.stderr}"
        )


def within(folder: Path, *command: str | Path) -> list[str]:
    """What a command tries to contact while it runs, in an empty home folder."""
    report = folder / "report.json"
    (folder / "home").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        # The variable that stops telemetry is missing on purpose: the service sets it itself.
    }
    done = subprocess.run(
        command_within(report, command), env=environment, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return attempts_of(report)


@pytest.mark.usefixtures("namespaces")
def test_the_recorder_detects_names_connections_and_datagrams(tmp_path: Path) -> None:
    assert set(within(tmp_path, sys.executable, "-c", CALLS_HOME)) == {
        "dns telemetry.example",
        "tcp 203.0.113.1:443",
        "tcp 2001:db8:1::1:443",
        "udp 203.0.113.1:4433",
    }


@pytest.mark.usefixtures("namespaces")
def test_images_live_video_and_evaluation_contact_nobody(tmp_path: Path) -> None:
    assert within(tmp_path, sys.executable, SCENARIO) == []
    left_behind = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left_behind == []
