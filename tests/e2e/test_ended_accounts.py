"""Ending accounts on the command line while the service runs, on each stack."""

import asyncio
import sys

import socketio

from tests.e2e.calls import detect, history, settled

NAMESPACE = "/emotion-detection"


async def emotion_api(service, *arguments: str) -> str:
    """The output of a command run beside the service."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from entrypoints.cli import main; main()", *arguments,
        cwd=service.folder, env=service.environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def renewed(client, refresh_token: str) -> int:
    body = {"refresh_token": refresh_token}
    return (await client.post("/auth/refresh-token", json=body)).status_code


async def test_revoking_ends_tokens_and_live_sessions(service):
    signed_in, other = await service.sign_in(), await service.sign_in()
    live, gone = socketio.AsyncClient(reconnection=False), asyncio.Event()
    live.on("disconnect", lambda *_: gone.set(), namespace=NAMESPACE)
    auth = {"token": signed_in["access_token"]}
    await live.connect(service.url, namespaces=[NAMESPACE], auth=auth, transports=["websocket"])

    printed = await emotion_api(service, "accounts", "revoke", signed_in["user"]["user_id"])
    assert printed == "sign-ins ended: 1\n"
    async with service.client() as client:
        assert await renewed(client, signed_in["refresh_token"]) == 401
        assert await renewed(client, other["refresh_token"]) == 200
        for token in (signed_in["access_token"], signed_in["id_token"]):
            header = {"Authorization": f"Bearer {token}"}
            assert (await client.get("/auth/profile", headers=header)).status_code == 401
    async with asyncio.timeout(60):
        await gone.wait()
    await live.disconnect()


async def test_erasing_removes_everything_of_one_user_only(service, astronaut):
    signed_in = await service.sign_in()
    user_id = signed_in["user"]["user_id"]
    async with await service.user() as other:
        kept = await detect(other, astronaut)
        assert await settled(other, kept["detection_id"]) == "done"
        async with service.client(signed_in["access_token"]) as client:
            for _ in range(2):
                erased = await detect(client, astronaut)
                assert await settled(client, erased["detection_id"]) == "done"
            printed = await emotion_api(service, "accounts", "erase", user_id)
            assert printed == "records erased: 2, sign-ins ended: 1\n"
            assert (await client.get("/api/history")).status_code == 401
        assert [each["detection_id"] for each in await history(other)] == [kept["detection_id"]]
    on_disk = [path for path in (service.folder / "data").rglob("*") if path.is_file()]
    for secret in (user_id.encode(), erased["detection_id"].encode()):
        assert not [path.name for path in on_disk if secret in path.read_bytes()]
        assert not [path for path in on_disk if secret.decode() in path.name]
