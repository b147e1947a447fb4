"""The official JavaScript client. Needs Node.js and the packages of tests/js."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.integration.realtime.service import PICTURE, Service, running_service


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_javascript_client_runs_a_session_and_reconnects(
    service: Service, js_packages: Path, transport: str
) -> None:
    assert await session(service, js_packages, transport) == (0, "ok")


async def test_a_client_that_prefers_websockets_needs_no_polling(js_packages: Path) -> None:
    async with running_service(socketio_transports="websocket") as service:
        assert await session(service, js_packages, "websocket,polling") == (0, "ok")


async def test_refused_clients_get_the_reason(service: Service, js_packages: Path) -> None:
    status, said = await node(js_packages.with_name("refused.mjs"), service.url)
    assert status == 0, said
    namespace, version = said.splitlines()[:2], said.splitlines()[2:]
    assert len(version) == 4
    assert all("/emotion-detection" in line and line.endswith("400") for line in namespace)
    assert all("socket.io-client 4" in line for line in version)


async def session(service: Service, js_packages: Path, transports: str) -> tuple[int | None, str]:
    """Run a session; returns the client's exit status and output."""
    picture = base64.b64encode(PICTURE).decode()
    program = js_packages.with_name("session.mjs")
    return await node(program, service.url, await service.token(), transports, picture)


async def node(program: Path, *arguments: str) -> tuple[int | None, str]:
    """Run a program with Node.js; returns its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(program),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()
