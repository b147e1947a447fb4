"""How the shipped file bears other framings, light and lenses: degraded validation crops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .data import EMOTIONS, Faces, majority
from .evaluate import confusion, recalls
from .export import run

Image = npt.NDArray[np.uint8]


def _framed(zoom: float = 1.0, shift: float = 0.0, angle: float = 0.0) -> Callable[[Image], Image]:
    def change(crop: Image) -> Image:
        matrix = cv2.getRotationMatrix2D((23.5, 23.5), angle, zoom)
        matrix[:, 2] += 48 * shift
        warped = cv2.warpAffine(
            crop, matrix, (48, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.uint8)

    return change


def _lit(gain: float, gamma: float) -> Callable[[Image], Image]:
    def change(crop: Image) -> Image:
        unit = (crop / 255.0) ** gamma * gain
        return np.clip(255 * unit, 0, 255).astype(np.uint8)

    return change


def _jpeg(crop: Image) -> Image:
    _, code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)


def _blur(crop: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), 1.0), np.uint8)


CONDITIONS: dict[str, Callable[[Image], Image]] = {
    "as they are": lambda crop: crop,
    "15 % tighter": _framed(zoom=1.15),
    "15 % wider": _framed(zoom=0.87),
    "shifted by 8 % to the right and down": _framed(shift=0.08),
    "turned by 15 degrees": _framed(angle=15),
    "dark: half the light, gamma 1.5": _lit(0.5, 1.5),
    "bright: gain 1.4, gamma 0.8": _lit(1.4, 0.8),
    "blurred, sigma 1 pixel": _blur,
    "JPEG quality 30": _jpeg,
}


def table(weights: Path, faces: Faces) -> str:
    """Markdown table of accuracy, macro recall and pull to neutral under each condition."""
    labels = majority(faces)
    kept, labels = faces.take(labels >= 0), labels[labels >= 0]
    neutral = EMOTIONS.index("neutral")
    lines = [
        "| crops | accuracy | macro recall | expressive faces called neutral |",
        "| --- | --- | --- | --- |",
    ]
    for name, change in CONDITIONS.items():
        images = np.stack([change(crop) for crop in kept.images])
        counts = confusion(run(weights, images), labels)
        rest = np.delete(counts, neutral, axis=0)
        figures = (
            counts.trace() / counts.sum(),
            np.nanmean(recalls(counts)),
            rest[:, neutral].sum() / rest.sum(),
        )
        lines.append(f"| {name} | " + " | ".join(f"{100 * f:.1f} %" for f in figures) + " |")
    return "\n".join(lines)
