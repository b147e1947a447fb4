"""A minimal version of the usual stack: FastAPI, one Haar pass, a ViT-base in torch.

    python -m benchmarks.usual_stack PORT

As in many published backends, everything runs where the request arrives: on the event loop. The
network has the size of ViT-B/16 (86 million parameters) and random weights: its answers mean
nothing, and it takes the time that a trained one takes. Written for this comparison; images come as
the body of a request, frames as base64 text over Socket.IO.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import cv2
import cv2.data
import numpy as np
import socketio
import torch
import uvicorn
from fastapi import FastAPI, Request
from transformers import ViTConfig, ViTForImageClassification

_EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


class Analysis:
    """A Haar pass, and a network for every face."""

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(
            cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
        )
        self._network = ViTForImageClassification(ViTConfig(num_labels=len(_EMOTIONS))).eval()

    def faces_of(self, encoded: bytes) -> list[dict[str, Any]]:
        """Boxes and scores of the faces of an image."""
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        boxes = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5)
        return [
            {"box": [int(side) for side in box], "emotions": self._scores(image, box)}
            for box in boxes
        ]

    def _scores(self, image: Any, box: Any) -> dict[str, float]:
        x, y, width, height = box
        crop = cv2.cvtColor(image[y : y + height, x : x + width], cv2.COLOR_BGR2RGB)
        crop = cv2.resize(crop, (224, 224)).astype(np.float32) / 127.5 - 1
        with torch.no_grad():
            pixels = torch.from_numpy(crop).permute(2, 0, 1)[None]
            scores = torch.softmax(self._network(pixel_values=pixels).logits[0], 0)
        return dict(zip(_EMOTIONS, scores.tolist(), strict=True))


def make_app() -> socketio.ASGIApp:
    """The application, HTTP and Socket.IO."""
    analysis, http = Analysis(), FastAPI()
    server = socketio.AsyncServer(async_mode="asgi", max_http_buffer_size=10**7)

    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    async def detect(request: Request) -> dict[str, Any]:
        return {"faces": analysis.faces_of(await request.body())}

    async def video_frame(sid: str, frame: dict[str, Any]) -> None:
        faces = analysis.faces_of(base64.b64decode(frame["data"]))
        result = {"frame_id": frame["frame_id"], "faces": faces}
        await server.emit("detection_result", result, to=sid)

    http.get("/healthz")(healthz)
    # Annotations are text here, and these names are known only where they are imported.
    detect.__annotations__ = {"request": Request}
    http.post("/detect", response_model=None)(detect)
    server.on("video_frame", video_frame)
    return socketio.ASGIApp(server, http)


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
