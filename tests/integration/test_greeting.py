"""What `emotion-api serve` prints at its start, to a terminal and elsewhere."""

import json
import os
import pty
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from entrypoints.process.greeting import browser_url

ROOT = Path(__file__).parents[2]


@contextmanager
def starting(
    folder: Path, *arguments: str, at_terminal: bool = False, **settings: str
) -> Iterator[Iterator[str]]:
    """Start the service; yields its lines on standard output."""
    ours, its = pty.openpty() if at_terminal else os.pipe()
    with (
        os.fdopen(ours) as said,
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", "serve", "--port", "0", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": "1", **settings},
            stdout=its,
            stderr=log,
        ) as process,
    ):
        os.close(its)
        try:
            yield (line.rstrip() for line in said)
        finally:
            process.terminate()
            process.wait(60)


def posted(url: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_terminal_gets_a_link_with_a_code_that_works_once(tmp_path: Path) -> None:
    with starting(tmp_path, "--host", "::1", at_terminal=True) as said:
        lines = [next(said) for _ in range(7)]
        link = next(line.strip() for line in lines if "/#code=" in line)
        address, code = link.split("/#code=")
        assert re.fullmatch(r"http://\[::1\]:\d+", address)
        assert not any("eyJ" in line for line in lines), "no token is printed"
        status, wrong = posted(f"{address}/auth/sign-in-code", {"code": "aaaaa-aaaaa"})
        assert (status, wrong["code"]) == (401, "invalid_token")
        status, right = posted(f"{address}/auth/sign-in-code", {"code": code.upper()})
        assert status == 200
        assert right["user"]["email"] == "operator@localhost"
        assert right["access_token"]
        assert posted(f"{address}/auth/sign-in-code", {"code": code})[0] == 401


@pytest.mark.parametrize("style", ["json", "auto"])
def test_output_to_a_file_is_json_without_a_sign_in_link(tmp_path: Path, style: str) -> None:
    (tmp_path / ".env").write_text("GUEST_MAX_USEAGE=9\n")
    with starting(tmp_path, "--host", "127.0.0.1", LOG_FORMAT=style) as said:
        greeting = json.loads(next(said))
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", greeting["address"])
        assert greeting["address"] in greeting["event"]
        assert "emotion-api token" in greeting["sign_in"]
        assert "code=" not in json.dumps(greeting)
    logged = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    (warning,) = [each for each in logged if "GUEST_MAX_USEAGE" in each["event"]]
    assert warning["level"] == "warning"


def test_without_a_terminal_the_greeting_explains_how_to_sign_in(tmp_path: Path) -> None:
    with starting(tmp_path, "--host", "127.0.0.1", LOG_FORMAT="console") as said:
        lines = [next(said) for _ in range(3)]
    assert "ready on http://127.0.0.1:" in lines[1]
    assert "emotion-api token" in lines[2]
    assert "code=" not in "".join(lines)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://localhost:2508"),
        ("::", "http://localhost:2508"),
        ("127.0.0.1", "http://127.0.0.1:2508"),
        ("::1", "http://[::1]:2508"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:2508"),
    ],
)
def test_the_printed_address_can_be_opened(host: str, address: str) -> None:
    assert browser_url(host, 2508) == address


def test_library_warnings_are_json_too(tmp_path: Path) -> None:
    program = (
        "import warnings; from entrypoints.logs.configuration import configure_logs\n"
        "configure_logs('INFO', 'json'); warnings.warn('of a library')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert "of a library" in json.loads(line)["event"]
