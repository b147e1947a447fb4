"""Live video on each stack: a real process, images, tracker and model."""

import numpy as np
import pytest
import skimage.data
import socketio

from tests.e2e.conftest import as_jpeg
from tests.e2e.live_video import connected, watched


@pytest.fixture(scope="session")
def pictures() -> list[bytes]:
    """The astronaut, her picture sliding to the right by eight pixels a frame."""
    picture = skimage.data.astronaut()
    return [as_jpeg(np.roll(picture, 8 * number, axis=1)) for number in range(12)]


@pytest.mark.parametrize("interval", [1, 3])
async def test_a_moving_face_keeps_its_id_and_its_box_follows(service, pictures, interval):
    client = await connected(service, (await service.sign_in())["access_token"])
    # A busy machine would otherwise analyse fewer frames.
    results = await watched(client, pictures, detection_interval=interval, auto_adjust=False)
    for number, result in enumerate(results):
        names = [face["tracking_id"] for face in result["faces"]]
        assert "face_1" in names, f"frame {number}: {names}"
        face = result["faces"][names.index("face_1")]
        assert face["dominant_emotion"] == "happy"
        if face["predicted"]:
            continue  # Predicted positions depend on time, which a busy machine stretches.
        x, y, width, height = face["box"]
        # Her face is at 224 ± 30, 113 ± 30 in the first picture.
        assert abs(x + width / 2 - (224 + 8 * number)) < 30
        assert abs(y + height / 2 - 113) < 30
    looks = [result["detection_used"] for result in results]
    # A machine that needs longer for a frame searches more of them.
    assert looks.count(True) >= 12 / interval - 1
    await client.io.disconnect()


async def test_an_id_token_opens_a_session_and_a_forged_one_does_not(service):
    client = await connected(service, (await service.sign_in())["id_token"])
    assert await client.is_served()
    await client.io.disconnect()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connected(service, "forged")


async def test_a_room_is_limited_to_sessions_of_its_user(service, pictures):
    alice = (await service.sign_in())["access_token"]
    bob = (await service.sign_in())["access_token"]
    camera, viewer = await connected(service, alice), await connected(service, alice)
    stranger = await connected(service, bob)
    for client in (camera, viewer, stranger):
        await client.emit("join_room", {"room": "hall"})
        assert await client.is_served()
    await watched(camera, pictures[:2])
    seen = [await viewer.next("detection_result") for _ in range(2)]
    assert [result["frame_id"] for result in seen] == [0, 1]
    assert await stranger.is_served()
    assert "detection_result" not in [name for name, _ in stranger.events]
    for client in (camera, viewer, stranger):
        await client.io.disconnect()


async def test_saved_sessions_survive_a_restart_including_a_running_one(process, pictures):
    await process.start()
    token = (await process.sign_in())["access_token"]
    client = await connected(process, token)
    await watched(client, pictures[:3], save_session=True, video_source="hall")
    await client.emit("control", {"action": "stop"})
    stopped = await client.next("session_summary")
    await watched(client, pictures[:5], save_session=True, video_source="yard")
    process.ask_to_stop()
    await process.ended()
    await client.io.disconnect()
    await process.start()
    async with process.client(token) as http:
        records = {each["filename"]: each for each in (await http.get("/api/history")).json()}
        assert {each["kind"] for each in records.values()} == {"stream"}
        assert records["hall"]["detection_id"] == stopped["detection_id"]
        assert records["hall"]["stream"]["tracks"] == stopped["tracks"]
        assert records["yard"]["stream"]["frames"]["processed"] == 5
        assert (await http.delete(f"/api/history/{stopped['detection_id']}")).status_code == 204
        (left,) = (await http.get("/api/history")).json()
        assert left["filename"] == "yard"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_stopping_service_ends_sessions_with_a_summary_without_waiting_for_clients(
    process, transport
):
    await process.start()
    client = await connected(process, (await process.sign_in())["access_token"], transport)
    await client.start()
    process.ask_to_stop()
    assert (await client.next("session_summary"))["frames"]["received"] == 0
    await process.ended()
    await client.gone.wait()
    assert "graceful shutdown exceeded" not in process.log
