"""The transports that a service offers."""

import json
from typing import Any

import aiohttp
import httpx
import pytest
import socketio

from tests.integration.realtime.service import Service, running_service


async def test_with_websockets_only_a_polling_client_gets_400_with_the_reason() -> None:
    async with running_service(socketio_transports="websocket") as service:
        async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
            for method, address in [
                ("GET", "/socket.io/?EIO=4&transport=polling"),
                ("GET", "/socket.io/?EIO=4"),
                ("POST", "/socket.io/?EIO=4&transport=polling&sid=made-up"),
                ("GET", "/socket.io/?EIO=4&transport=websocket"),
            ]:
                refused = await http.request(method, address)
                assert refused.status_code == 400
                assert refused.json()["code"] == 0
                assert "connect with transports: ['websocket']" in refused.json()["message"]
            assert (await http.get("/healthz")).status_code == 200
        with pytest.raises(socketio.exceptions.ConnectionError):
            await service.client(transports=("polling",))
        assert service.sessions == 0
        assert await (await service.client(transports=("websocket",))).is_served()


async def test_a_page_of_an_allowed_origin_can_read_every_refusal_before_the_handshake() -> None:
    too_large = bytes(100_000)
    for transports, refusals in (
        ("websocket", [("GET", "?EIO=4&transport=polling", b"")]),
        (
            "polling,websocket",
            [
                ("POST", "?EIO=4&transport=polling&sid=made-up", too_large),
                ("GET", "?EIO=4&transport=polling&sid=made-up", b""),
                ("GET", "?EIO=4&transport=made-up", b""),
                ("GET", "", b""),
                ("PUT", "?EIO=4&transport=polling", b""),
            ],
        ),
    ):
        async with (
            running_service(socketio_transports=transports) as service,
            httpx.AsyncClient(base_url=f"{service.url}/socket.io/", trust_env=False) as http,
        ):
            for method, query, body in refusals:
                for origin in ("http://127.0.0.1:3000", service.url):
                    page = {"Origin": origin}
                    refused = await http.request(method, query, headers=page, content=body)
                    assert refused.status_code in (400, 405, 413)
                    assert refused.headers["Access-Control-Allow-Origin"] == origin
                    assert refused.headers["Access-Control-Allow-Credentials"] == "true"
                page = {"Origin": "https://evil.example"}
                refused = await http.request(method, query, headers=page, content=body)
                assert "Access-Control-Allow-Origin" not in refused.headers


async def test_by_default_a_client_may_upgrade_from_polling_to_websocket() -> None:
    async with running_service() as service:
        client = await service.client(transports=("polling", "websocket"))
        assert await client.is_served()
        assert client.io.transport() == "websocket"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_client_of_another_namespace_gets_the_reason_and_may_continue(
    service: Service, transport: str
) -> None:
    client = socketio.AsyncClient(reconnection=False)
    told: dict[str, Any] = {}
    for namespace in ("/", "/nowhere"):

        @client.on("connect_error", namespace=namespace)
        async def failed(data: dict[str, Any], namespace: str = namespace) -> None:
            told[namespace] = data

    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(
            service.url,
            namespaces=["/", "/nowhere"],
            auth={"token": await service.token()},
            transports=[transport],
        )
    await client.disconnect()
    assert set(told) == {"/", "/nowhere"}
    for refusal in told.values():
        assert "/emotion-detection" in refusal["message"]
        assert refusal["data"]["code"] == 400
    assert service.sessions == 0
    assert await (await service.client(transports=(transport,))).is_served()


async def test_a_client_refused_in_another_namespace_is_not_signed_in(service: Service) -> None:
    url = f"{service.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        sid = json.loads((await ws.receive()).data[1:])["sid"]
        await ws.send_str("40")
        assert (await ws.receive()).data.startswith("44{")
        assert not service.server.has_signed_in(sid)
        await ws.send_str("40/emotion-detection," + json.dumps({"token": await service.token()}))
        assert (await ws.receive()).data.startswith("40/emotion-detection,")
        assert service.server.has_signed_in(sid)
