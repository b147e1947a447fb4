"""Chooses the thresholds of reliability by measuring where accuracy falls.

`python -m training.emotions.quality --data DIR` writes `quality.md`. Thresholds are chosen on
degraded crops of the tuning slice and checked on the validation split, with the shipped file.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from adapters.inference.quality import brightness, sharpness

from .data import Faces, load, majority, tuning_split
from .export import run
from .recipes import VERSION

Image = npt.NDArray[np.uint8]
_WEIGHTS = Path(__file__).parents[2] / "adapters" / "onnx" / "weights" / "emotion.onnx"
_TOLERATED_LOSS = 0.10
"""A level of degradation counts as unreliable when accuracy there is this far below intact."""


def blurred(crop: Image, sigma: float) -> Image:
    """Gaussian blur of `sigma` pixels of the 48 x 48 crop."""
    if sigma == 0:
        return crop
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def darkened(crop: Image, gain: float, rng: np.random.Generator) -> Image:
    """Less light on a sensor with two levels of read-out noise."""
    noise = rng.normal(0, 2, crop.shape)
    return np.asarray(np.clip(crop * gain + noise, 0, 255), np.uint8)


def overexposed(crop: Image, lift: float) -> Image:
    """Gray levels raised until the lights clip."""
    lifted = crop.astype(np.float32) * 1.3 + lift * 255
    return np.asarray(np.clip(lifted, 0, 255), np.uint8)


def shrunk(crop: Image, side: float) -> Image:
    """The crop as if the face had been `side` pixels wide in the picture."""
    if side >= 48:
        return crop
    small = cv2.resize(crop, (int(side), int(side)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR), np.uint8)


def accuracy(images: Image, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the shipped network is right, bool (N,)."""
    right: npt.NDArray[np.bool_] = run(_WEIGHTS, images).argmax(axis=1) == labels
    return right


def sweep(
    faces: Faces,
    levels: list[float],
    degrade: Callable[[Image, float], Image],
    value: Callable[[Image], float],
) -> list[tuple[float, float, float]]:
    """Level of the degradation, median measured value and accuracy at that level."""
    labels = majority(faces)
    kept = faces.take(labels >= 0)
    rows = []
    for level in levels:
        images = np.stack([degrade(crop, level) for crop in kept.images])
        middle = float(np.median([value(crop) for crop in images]))
        rows.append((level, middle, float(accuracy(images, labels[labels >= 0]).mean())))
    return rows


def threshold(rows: list[tuple[float, float, float]]) -> float:
    """Measured value at which accuracy has fallen by `_TOLERATED_LOSS`, between two levels.

    Args:
        rows: From intact to worst, as `sweep` gives them.
    """
    limit = rows[0][2] - _TOLERATED_LOSS
    for (_, better, above), (_, worse, below) in itertools.pairwise(rows):
        if below < limit <= above:
            return worse + (better - worse) * (limit - below) / (above - below)
    return rows[-1][1]


def _table(title: str, rows: list[tuple[float, float, float]], names: tuple[str, str]) -> list[str]:
    lines = [f"## {title}", "", f"| {names[0]} | {names[1]} (median) | accuracy |"]
    lines.append("| --- | --- | --- |")
    lines += [f"| {a:g} | {b:.3f} | {100 * c:.1f} % |" for a, b, c in rows]
    return [*lines, ""]


def _check(name: str, mask: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> str:
    def share(part: npt.NDArray[np.bool_]) -> str:
        return f"{100 * right[part].mean():.1f} % of {part.sum()}" if part.any() else "none"

    return f"| {name} | {share(mask)} | {share(~mask)} |"


def main() -> None:
    """Sweeps the degradations, chooses thresholds, checks them and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    train = load(options.data, "train")
    tune = train.take(tuning_split(train)[1])
    rng = np.random.default_rng(0)
    blur = sweep(tune, [0, 0.5, 0.8, 1, 1.2, 1.5, 1.8, 2.2, 2.6, 3, 4], blurred, sharpness)
    dark = sweep(
        tune,
        [1, 0.5, 0.25, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025, 0.015],
        lambda crop, gain: darkened(crop, gain, rng),
        brightness,
    )
    light = sweep(tune, [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], overexposed, brightness)
    sizes = [48.0, 36, 28, 24, 20, 18, 16, 14, 12, 10, 8]
    levels = iter(np.repeat(sizes, (majority(tune) >= 0).sum()))
    small = sweep(tune, sizes, shrunk, lambda _: next(levels))
    limits = {
        "sharpness": round(threshold(blur), 3),
        "darkest": round(threshold(dark), 3),
        "brightest": round(threshold(light), 3),
        "size_px": float(np.ceil(threshold(small))),
    }
    report = [
        "# When a crop is too poor to trust",
        "",
        "Written by `training/emotions/quality.py` with the shipped `emotion.onnx`, version",
        f"{VERSION}. A crop",
        "is *unreliable* when a value is beyond the point where accuracy falls "
        f"{100 * _TOLERATED_LOSS:.0f} points",
        f"below that of intact crops. The points were found on {len(tune)} crops of the training",
        "split held out for tuning (those with an agreed crowd label), degraded step by step, and",
        "checked on the validation split.",
        "",
        "## Formulas and thresholds",
        "",
        "On the 48 x 48 gray crop that the network sees (gray levels 0..255):",
        "",
        "| value | formula | unreliable when |",
        "| --- | --- | --- |",
        "| sharpness | `cv2.Laplacian(gray, CV_32F).var() / (gray.var() + 25)` | "
        f"below {limits['sharpness']:g} |",
        f"| brightness | `gray.mean() / 255` | below {limits['darkest']:g} or above "
        f"{limits['brightest']:g} |",
        "| size_px | longer side of the face's box, the crop's side, in pixels of the original "
        f"picture | below {limits['size_px']:g} |",
        "",
        *_table("Blur", blur, ("Gaussian sigma in crop pixels", "sharpness")),
        *_table("Darkness", dark, ("gain, with read-out noise of two levels", "brightness")),
        *_table("Overexposure", light, ("lift, with gain 1.3", "brightness")),
        *_table("Size", small, ("face's side in pixels", "size_px")),
        *_verify(load(options.data, "valid"), limits, rng),
    ]
    (Path(__file__).parent / "quality.md").write_text("\n".join(report))


def _verify(valid: Faces, limits: dict[str, float], rng: np.random.Generator) -> list[str]:
    labels = majority(valid)
    kept, labels = valid.take(labels >= 0), labels[labels >= 0]
    count = len(labels)
    full = np.full(count, 48.0)

    def degraded(
        degrade: Callable[[Image, float], Image], severities: npt.NDArray[np.floating]
    ) -> Image:
        return np.stack([degrade(c, s) for c, s in zip(kept.images, severities, strict=True)])

    draws = {
        "intact": (kept.images, full),
        "blurred, sigma 0 to 4": (degraded(blurred, rng.uniform(0, 4, count)), full),
        "darkened, gain 0.01 to 1": (
            degraded(lambda crop, gain: darkened(crop, gain, rng), 10 ** rng.uniform(-2, 0, count)),
            full,
        ),
        "overexposed, lift 0 to 0.9": (degraded(overexposed, rng.uniform(0, 0.9, count)), full),
    }
    sides = rng.integers(8, 49, count).astype(float)
    draws["shrunk to 8 to 48 pixels"] = (degraded(shrunk, sides), sides)
    lines = [
        "## Check on the validation split",
        "",
        "Accuracy of the crops that the thresholds call reliable and unreliable; the severity is",
        "drawn for each crop.",
        "",
        "| crops | reliable | unreliable |",
        "| --- | --- | --- |",
    ]
    for name, (images, side) in draws.items():
        sharp = np.array([sharpness(crop) for crop in images])
        bright = np.array([brightness(crop) for crop in images])
        reliable = (
            (sharp >= limits["sharpness"])
            & (bright >= limits["darkest"])
            & (bright <= limits["brightest"])
            & (side >= limits["size_px"])
        )
        lines.append(_check(name, reliable, accuracy(images, labels)))
    return [*lines, ""]


if __name__ == "__main__":
    main()
