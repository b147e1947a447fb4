"""A program that does with the service what people do with it, on the embedded defaults.

The network of a process is its own from the start to the end, so whoever calls is in here as well.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np
import skimage.data

from tests.e2e.calls import detect, settled
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess
from tests.e2e.stacks import EmbeddedStack
from tests.e2e.test_live_video import connected, watched

# ONNX Runtime made its first call nine seconds after it was imported. No event tells of a call
# that is not made, so this much time goes by.
LONG_ENOUGH_S = 12

# Measuring a few faces is quick: the process is kept for as long as a service would live.
MEASURE = f"""
import sys, time
from entrypoints.cli import main
sys.argv[1:] = ["models", "evaluate", "--faces", "faces.npz"]
try:
    main()
finally:
    time.sleep({LONG_ENOUGH_S})
"""


async def visit(folder: Path) -> None:
    """Send a photograph and a few frames of video, while another process measures the network."""
    np.savez(
        folder / "faces.npz",
        images=np.zeros((7, 48, 48), np.uint8),
        labels=["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"],
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH")}
    measuring = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEASURE, cwd=folder, env=kept
    )
    service = ServiceProcess(folder, EmbeddedStack())
    try:
        await service.start()
        long_enough = asyncio.create_task(asyncio.sleep(LONG_ENOUGH_S))
        picture = as_jpeg(skimage.data.astronaut())
        async with await service.user() as client:
            found = await detect(client, picture)
            assert found["detection_results"]["face_detected"]
            assert await settled(client, found["detection_id"]) == "done"
        watching = await connected(service, (await service.sign_in())["access_token"])
        results = await watched(watching, [picture] * 3)
        assert results[0]["face_detected"]
        await watching.io.disconnect()
        await long_enough
        service.ask_to_stop()
        await service.ended()
        assert await measuring.wait() == 0
    finally:
        await service.close()
        if measuring.returncode is None:
            measuring.kill()


if __name__ == "__main__":
    asyncio.run(visit(Path.cwd()))
