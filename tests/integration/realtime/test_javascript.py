"""The official JavaScript client. Needs Node.js and what tests/js/package-lock.json names."""

import asyncio
import base64
import shutil
from pathlib import Path

import pytest

from tests.integration.realtime.service import PICTURE, Service

FOLDER = Path(__file__).parents[2] / "js"


@pytest.fixture(scope="session")
async def node() -> str:
    """The Node.js executable, the client being installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.fail("Node.js 18 or later is needed to test the JavaScript client")
    if not (FOLDER / "node_modules" / "socket.io-client").is_dir():
        install = await asyncio.create_subprocess_exec(
            npm, "ci", "--no-audit", "--no-fund", cwd=FOLDER, stdout=asyncio.subprocess.PIPE
        )
        await install.communicate()
        assert install.returncode == 0, "npm ci failed"
    return found


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_javascript_client_runs_a_session_and_comes_back_after_a_break(
    service: Service, node: str, transport: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        node,
        str(FOLDER / "session.mjs"),
        service.url,
        await service.token(),
        transport,
        base64.b64encode(PICTURE).decode(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (0, "ok")
