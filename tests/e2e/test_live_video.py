"""Live video on the embedded default: real process, real pictures, real tracker and model."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess
from tests.integration.realtime.service import Client


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess(tmp_path)
    yield service
    await service.close()


def moving_astronaut(frames: int) -> list[bytes]:
    """The astronaut, her picture sliding to the right by eight pixels a frame."""
    picture = skimage.data.astronaut()
    return [as_jpeg(np.roll(picture, 8 * number, axis=1)) for number in range(frames)]


async def watched(process: ServiceProcess, config: dict[str, object]) -> tuple[Client, list[dict]]:
    """Let a client send twelve frames, each after the result of the one before."""
    client = Client()
    await client.connect(process.url, {"token": process.token}, ["websocket"])
    await client.start(**config)
    results = []
    for number, picture in enumerate(moving_astronaut(12)):
        await client.frame(number, picture)
        results.append(await client.next("detection_result"))
    return client, results


@pytest.mark.parametrize("interval", [1, 3])
async def test_a_face_that_moves_keeps_its_name_and_its_box_follows(process, interval):
    async with await process.start():
        client, results = await watched(process, {"detection_interval": interval})
        for number, result in enumerate(results):
            names = [face["tracking_id"] for face in result["faces"]]
            assert "face_1" in names, f"frame {number}: {names}"
            face = result["faces"][names.index("face_1")]
            x, y, width, height = face["box"]
            # Her face is at 224 ± 30, 113 ± 30 in the first picture.
            assert abs(x + width / 2 - (224 + 8 * number)) < 30
            assert abs(y + height / 2 - 113) < 30
            assert face["dominant_emotion"] == "happy"
        looks = [result["detection_used"] for result in results]
        assert looks.count(True) >= 12 / interval - 1
        if interval > 1:
            assert False in looks
        await client.io.disconnect()


async def test_a_stream_that_was_kept_survives_a_restart(process):
    async with await process.start():
        client, _ = await watched(process, {"save_session": True, "video_source": "hall"})
        await client.emit("control", {"action": "stop"})
        kept = await client.next("session_summary")
        await client.io.disconnect()
        process.ask_to_stop()
        await process.ended()
    async with await process.start() as http:
        record = (await http.get(f"/api/history/{kept['detection_id']}")).json()
        assert (record["kind"], record["filename"]) == ("stream", "hall")
        assert record["stream"]["tracks"] == kept["tracks"]
        assert (await http.delete(f"/api/history/{kept['detection_id']}")).status_code == 204


async def test_a_stream_under_way_is_kept_when_the_service_is_stopped(process):
    async with await process.start():
        client, results = await watched(process, {"save_session": True, "video_source": "hall"})
        process.ask_to_stop()
        await process.ended()
        await client.io.disconnect()
    async with await process.start() as http:
        (record,) = (await http.get("/api/history")).json()
        assert record["stream"]["frames"]["processed"] == len(results)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_service_that_stops_ends_sessions_with_a_summary_and_waits_for_nobody(
    process, transport
):
    async with await process.start():
        client = Client()
        await client.connect(process.url, {"token": process.token}, [transport])
        await client.start()
        process.ask_to_stop()
        assert (await client.next("session_summary"))["frames"]["received"] == 0
        await process.ended()
        await client.gone.wait()
        assert "graceful shutdown exceeded" not in process.log
