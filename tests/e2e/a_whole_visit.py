"""A program that uses the service as people do, on the embedded defaults.

The service and its clients share the network namespace of this process.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np
import skimage.data

from tests.e2e.calls import detect, settled
from tests.e2e.conftest import as_jpeg
from tests.e2e.live_video import connected, watched
from tests.e2e.service_process import serving

# ONNX Runtime made its first call nine seconds after it was imported. A call that is not made
# cannot be awaited, so this much time has to pass.
LONG_ENOUGH_S = 12

# Evaluating a few faces is quick, so the process is kept alive as long as a service.
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
    """Send an image and a few frames of video, while another process evaluates the network."""
    np.savez(
        folder / "faces.npz",
        images=np.zeros((7, 48, 48), np.uint8),
        labels=["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"],
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH")}
    measuring = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEASURE, cwd=folder, env=kept
    )
    async with serving(folder) as service:
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
    assert await measuring.wait() == 0


if __name__ == "__main__":
    asyncio.run(visit(Path.cwd()))
