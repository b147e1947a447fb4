import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data

import adapters.onnx.network
from adapters.onnx.face_candidates import FaceCandidates
from adapters.onnx.face_refiner import FaceRefiner, crop_around
from application.errors import InferenceUnavailable

BUNDLED = adapters.onnx.network.BUNDLED / "face_refiner.onnx"
FACE = (172.0, 62.0, 276.0, 182.0)
"""The face of skimage's astronaut: left, top, right, bottom."""


def candidates(*boxes: tuple[float, float, float, float], confidence: float) -> FaceCandidates:
    many = len(boxes)
    return FaceCandidates(
        np.full(many, confidence, np.float32),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.zeros((many, 5, 2), np.float32),
    )


def test_a_doubtful_box_on_a_face_gains_confidence_and_one_beside_it_loses() -> None:
    on_face, on_suit = FACE, (300.0, 300.0, 400.0, 420.0)
    found = candidates(on_face, on_suit, confidence=0.4)
    on, off = FaceRefiner(BUNDLED).refine(skimage.data.astronaut(), found).confidences
    assert on > 0.8
    assert off < 0.2


def test_the_box_is_moved_onto_the_face() -> None:
    found = candidates((150.0, 40.0, 240.0, 150.0), confidence=0.4)
    (box,) = FaceRefiner(BUNDLED).refine(skimage.data.astronaut(), found).boxes
    assert box == pytest.approx(np.array(FACE), abs=16)


def test_a_sure_box_keeps_its_confidence_and_goes_half_of_the_way() -> None:
    near = (150.0, 40.0, 240.0, 150.0)
    refiner, astronaut = FaceRefiner(BUNDLED), skimage.data.astronaut()
    doubtful = refiner.refine(astronaut, candidates(near, confidence=0.4))
    sure = refiner.refine(astronaut, candidates(near, confidence=0.99))
    assert sure.confidences.tolist() == pytest.approx([0.99])
    assert sure.boxes[0] == pytest.approx((np.array(near) + doubtful.boxes[0]) / 2)
    assert np.array_equal(sure.landmarks, doubtful.landmarks)


def test_of_countless_doubtful_boxes_the_likeliest_are_looked_at() -> None:
    found = candidates(*[FACE] * 3000, confidence=0.4)
    confidences = FaceRefiner(BUNDLED).refine(skimage.data.astronaut(), found).confidences
    assert len(confidences) == 3000, "the others stay as they are"
    assert (confidences > 0.8).sum() == 64


def test_of_a_crowd_the_likeliest_and_the_doubtful_are_looked_at() -> None:
    crowd = candidates(*[FACE] * 100, confidence=0.99) + candidates(*[FACE] * 100, confidence=0.4)
    found = FaceRefiner(BUNDLED).refine(skimage.data.astronaut(), crowd)
    assert len(found) == 200, "the others stay as they are"
    assert found.landmarks.any(axis=(1, 2)).sum() == 128
    assert (found.confidences == np.float32(0.4)).sum() == 36


def test_without_candidates_nothing_is_looked_at() -> None:
    assert (
        len(FaceRefiner(BUNDLED).refine(skimage.data.astronaut(), candidates(confidence=0.4))) == 0
    )


def test_a_crop_shows_the_box_in_its_middle() -> None:
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[80:120, 130:170] = 255
    crop = crop_around(pixels, np.array([130, 80, 170, 120], np.float32), span=2, side=64)
    assert (crop.left, crop.top, crop.scale) == (110, 60, 80 / 64)
    rows, columns = np.nonzero(crop.pixels[..., 0] > 127)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (16, 47, 16, 47)


def test_outside_the_image_a_crop_is_black() -> None:
    pixels = np.full((100, 100, 3), 200, np.uint8)
    crop = crop_around(pixels, np.array([-20, 80, 20, 120], np.float32), span=2, side=64)
    assert (crop.left, crop.top) == (-40, 60)
    assert (crop.pixels[:32, 32:] == 200).all()
    assert not crop.pixels[:, :32].any()
    assert not crop.pixels[32:].any()


@pytest.mark.parametrize("box", [(-9e4, -9e4, 9e4, 9e4), (500, 500, 600, 600), (5, 5, 5, 5)])
def test_any_box_gives_a_crop(box: tuple[float, float, float, float]) -> None:
    pixels = np.full((100, 100, 3), 200, np.uint8)
    assert crop_around(pixels, np.array(box, np.float32), span=2, side=64).pixels.shape == (
        64,
        64,
        3,
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"file_sha256": "0"}, "SHA-256"),
        ({"span": "wide"}, "cannot be used"),
        ({"span": float("nan")}, "out of range"),
        ({"doubtful": [0.5]}, "cannot be used"),
        ({"doubtful": [0, 1]}, "out of range"),
        ({"confidence": {}}, "cannot be used"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, changes: dict[str, object], fault: str) -> None:
    weights = Path(shutil.copy(BUNDLED, tmp_path))
    facts = json.loads(BUNDLED.with_suffix(".json").read_text())
    weights.with_suffix(".json").write_text(json.dumps({**facts, **changes}))
    with pytest.raises(InferenceUnavailable, match=fault):
        FaceRefiner(weights)


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(InferenceUnavailable, match=r"face\.json lacks confidence"):
        FaceRefiner(BUNDLED.with_name("face.onnx"))
