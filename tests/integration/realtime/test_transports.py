"""Which ways to connect a service offers."""

import httpx
import pytest
import socketio

from tests.integration.realtime.service import running_service


async def test_with_websockets_only_a_polling_client_is_told_what_to_do() -> None:
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


async def test_by_default_a_client_may_begin_with_polling_and_go_on_with_a_websocket() -> None:
    async with running_service() as service:
        client = await service.client(transports=("polling", "websocket"))
        assert await client.is_served()
        assert client.io.transport() == "websocket"
