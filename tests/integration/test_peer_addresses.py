"""The client address of a connection, which proxies and quotas depend on."""

import httpx
import pytest

from entrypoints.process.serve import bind
from tests.servers.listening import listening


async def tell_client(scope, receive, send) -> None:
    """An application that answers with the address of its client."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
async def test_a_proxy_is_recognised_by_its_ipv4_address_on_any_socket(host: str) -> None:
    async with (
        listening(
            tell_client, listener=bind(host, 0), forwarded_allow_ips=["127.0.0.1"], lifespan="off"
        ) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        direct = await client.get(f"http://127.0.0.1:{port}/")
        behind = {"X-Forwarded-For": "203.0.113.9"}
        proxied = await client.get(f"http://127.0.0.1:{port}/", headers=behind)
    assert (direct.text, proxied.text) == ("127.0.0.1", "203.0.113.9")
