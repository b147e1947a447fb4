"""Which face detector the settings choose, and its options."""

from pathlib import Path

import numpy as np
import pytest

from application.ports.face_detector import WantedFaces
from domain.image import Image
from tests.integration.fakes import container_with
from tests.yunet import write_yunet

SIDE = 640
# Two cells of an image, and their brightness for the network of ``write_yunet``.
CELL = 32
BRIGHT, PALE = slice(192, 192 + CELL), slice(448, 448 + CELL)


def picture() -> Image:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[BRIGHT, BRIGHT] = 0.9 * 255
    pixels[PALE, PALE] = 0.5 * 255
    return Image(pixels, SIDE, SIDE, "image/png")


@pytest.mark.parametrize(
    ("setting", "faces"),
    [
        ({}, 1),
        ({"yunet_min_confidence": 0.3}, 2),
        ({"yunet_min_confidence": 0.95}, 0),
        ({"yunet_min_confidence": 0.0}, 2),
    ],
)
async def test_yunet_uses_the_configured_confidence(
    tmp_path: Path, setting: dict[str, float], faces: int
) -> None:
    model = write_yunet(tmp_path / "yunet.onnx")
    container = container_with(face_detector="yunet", yunet_model=model, **setting)
    found = await container.vision().face_detector().detect(picture(), WantedFaces(16))
    container.vision().executor().close()
    # In the smaller view the detector finds both cells again, larger and with lower confidence.
    assert len([face for face in found if face.box.width == CELL]) == faces
