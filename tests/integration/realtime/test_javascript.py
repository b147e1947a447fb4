"""The official JavaScript client. Needs Node.js and what tests/js/package-lock.json names."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.integration.realtime.service import PICTURE, Service


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_javascript_client_runs_a_session_and_comes_back_after_a_break(
    service: Service, js_packages: Path, transport: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(js_packages.with_name("session.mjs")),
        service.url,
        await service.token(),
        transport,
        base64.b64encode(PICTURE).decode(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (0, "ok")
