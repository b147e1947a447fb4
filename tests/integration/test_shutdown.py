"""Connections while the service shuts down."""

import asyncio
import socket

from tests.servers.listening import listening


async def large(scope, receive, send) -> None:
    """Answers with 30 MB, more than the kernel buffers."""
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(500):
        await send({"type": "http.response.body", "body": bytes(60_000), "more_body": True})


async def test_an_answer_that_nobody_reads_does_not_delay_shutdown() -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with asyncio.timeout(25), listening(large, timeout_graceful_shutdown=30) as port:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await loop.sock_recv(client, 10)
            await asyncio.sleep(0.2)  # until the buffers of the kernel are full
