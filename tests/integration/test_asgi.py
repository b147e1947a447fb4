"""The factory for any ASGI server."""

from pathlib import Path

import httpx
import pytest
from litestar.openapi import OpenAPIConfig

from entrypoints.process.asgi import create_app
from tests.servers.listening import listening


async def test_any_asgi_server_can_run_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    async with listening(create_app()) as port, httpx.AsyncClient(trust_env=False) as client:
        ready = await client.get(f"http://127.0.0.1:{port}/readyz")
        assert ready.json()["status"] == "ready"
        polling = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
        assert (await client.get(polling)).status_code == 200


async def test_no_request_waits_until_the_openapi_document_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    app = create_app()
    monkeypatch.delattr(OpenAPIConfig, "to_openapi_schema")
    async with listening(app) as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/docs/openapi.json"
        first, second = await client.get(url), await client.get(url)
    assert first.json()["paths"]
    assert first.content == second.content
