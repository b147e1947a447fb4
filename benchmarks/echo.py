"""A Socket.IO server that answers every frame with the same result, and does nothing else.

    python -m benchmarks.echo PORT

It is what ``benchmarks.parts`` takes as the library's own share of a frame.
"""

from __future__ import annotations

import sys
from typing import Any

import socketio
import uvicorn

from benchmarks.realtime_client import NAMESPACE

_FACE = {
    "track_id": "face-1",
    "box": [220, 140, 200, 200],
    "confidence": 0.98,
    "emotions": [{"emotion": word, "score": 0.142857} for word in ("happy", "neutral", "sad") * 2],
    "quality": {"sharpness": 0.41, "brightness": 0.53, "size_px": 200},
}


def make_app() -> socketio.ASGIApp:
    """The application: a server with the settings that the library has by default."""
    server = socketio.AsyncServer(async_mode="asgi")

    async def connect(sid: str, environ: dict[str, Any], auth: object) -> None:
        pass

    async def video_frame(sid: str, frame: dict[str, Any]) -> None:
        result = {"frame_id": frame["frame_id"], "faces": [_FACE], "detection_used": True}
        await server.emit("detection_result", result, to=sid, namespace=NAMESPACE)

    async def control(sid: str, message: dict[str, Any]) -> None:
        if message["action"] == "stop":
            summary = {"frames": {"dropped": 0, "failed": 0}}
            await server.emit("session_summary", summary, to=sid, namespace=NAMESPACE)

    for handler in (connect, video_frame, control):
        server.on(handler.__name__, handler, namespace=NAMESPACE)
    return socketio.ASGIApp(server)


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
