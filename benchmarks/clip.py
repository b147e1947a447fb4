"""A generated clip: one face that moves through a plain room, with a little noise."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data


def moving_face(
    frames: int = 60, *, width: int = 640, height: int = 480, quality: int = 85
) -> list[bytes]:
    """JPEG frames of the clip; it can be played in a loop without a jump.

    Args:
        frames: how many.
        width: of a frame in pixels.
        height: likewise.
        quality: of the JPEG encoding, 1 to 100.
    """
    face = cv2.cvtColor(data.astronaut()[0:260, 90:350], cv2.COLOR_RGB2BGR)
    side = face.shape[0]
    noise = np.random.default_rng(1)
    clip = []
    for number in range(frames):
        angle = 2 * math.pi * number / frames
        x = round((width - side) / 2 * (1 + 0.9 * math.cos(angle)))
        y = round((height - side) / 2 * (1 + 0.7 * math.sin(2 * angle)))
        clip.append(_encoded(_room(width, height), face, x, y, noise, quality))
    return clip


def _room(width: int, height: int) -> NDArray[np.uint8]:
    across = np.linspace(70, 150, width)[None, :]
    down = np.linspace(0, 40, height)[:, None]
    grey = (across + down).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _encoded(
    room: NDArray[np.uint8],
    face: NDArray[np.uint8],
    x: int,
    y: int,
    noise: np.random.Generator,
    quality: int,
) -> bytes:
    side = face.shape[0]
    room[y : y + side, x : x + side] = face
    grain = noise.integers(-4, 5, room.shape, dtype=np.int16)
    picture = np.clip(room.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("a frame could not be encoded")
    return bytes(encoded.tobytes())
