"""The official JavaScript client. Needs Node.js and what tests/js/package-lock.json names."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.integration.realtime.service import PICTURE, Service, running_service


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_javascript_client_runs_a_session_and_comes_back_after_a_break(
    service: Service, js_packages: Path, transport: str
) -> None:
    assert await session(service, js_packages, transport) == (0, "ok")


async def test_who_prefers_websockets_as_the_page_does_needs_no_polling(js_packages: Path) -> None:
    async with running_service(socketio_transports="websocket") as service:
        assert await session(service, js_packages, "websocket,polling") == (0, "ok")


async def session(service: Service, js_packages: Path, transports: str) -> tuple[int | None, str]:
    """Run one; the client's exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(js_packages.with_name("session.mjs")),
        service.url,
        await service.token(),
        transports,
        base64.b64encode(PICTURE).decode(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()
