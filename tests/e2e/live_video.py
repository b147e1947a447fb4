"""Live video as a client sends it."""

from typing import Any

from tests.e2e.service_process import ServiceProcess
from tests.integration.realtime.service import Client


async def connected(service: ServiceProcess, token: str, transport: str = "websocket") -> Client:
    client = Client()
    await client.connect(service.url, {"token": token}, [transport])
    return client


async def watched(client: Client, pictures: list[bytes], **config: object) -> list[dict[str, Any]]:
    """Start a session and send the pictures, each after the result of the one before."""
    await client.start(**config)
    results = []
    for number, picture in enumerate(pictures):
        await client.frame(number, picture)
        results.append(await client.next("detection_result"))
    return results
