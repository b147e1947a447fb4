"""The refiner: a network that judges one doubtful box in a crop of its own, and its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from .augment import MIRRORED
from .doubtful import SIDE, Doubtful
from .losses import giou
from .network import FaceNet, Shape, as_input
from .random import Random
from .run import Recipe, Run

RECIPE = Recipe(steps=5000, falling_from=0.3, warmup=200, batch=256, side=SIDE, rate=1.5e-3)
_OUTPUTS = 15
_CHECKPOINT_STEPS = 500
_CELLS = (SIDE // 32) ** 2
_GRAY = 0.15
_TURNED = 0.5
"""Share of the crops that are rotated by up to a radian; the detector's landmarks hardly follow."""


class RefinerNet(nn.Module):
    """The detector's layers down to stride 32, and one answer for the whole crop.

    As the last two stages of K. Zhang et al., "Joint face detection and alignment using multi-task
    cascaded convolutional networks", 2016.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        detector = FaceNet(shape)
        self.stem, self.stage_8 = detector.stem, detector.stage_8
        self.stage_16, self.stage_32 = detector.stage_16, detector.stage_32
        self.head = nn.Linear(_CELLS * shape.widths[2], _OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.003)
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Judge crops.

        Args:
            pixels: float32 (N, 3, SIDE, SIDE), RGB, 0..1.

        Returns:
            float32 (N, 15): the logit that the box in the middle lies on a face; left, top, right
            and bottom of that face; x and y of five landmarks. All in pixels of the crop.
        """
        cells = self.stage_32(self.stage_16(self.stage_8(self.stem(pixels))))
        answers = self.head(cells.flatten(1))
        middle, unit = SIDE / 2, SIDE / 4
        centre = middle + answers[:, 1:3] * unit
        half = answers[:, 3:5].clamp(-3, 3).exp() * unit
        landmarks = middle + answers[:, 5:] * unit
        return torch.cat([answers[:, :1], centre - half, centre + half, landmarks], 1)


def train(
    fit: Doubtful,
    tune: Doubtful,
    start: Path,
    folder: Path,
    device: torch.device,
    recipe: Recipe = RECIPE,
) -> RefinerNet:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        fit: Boxes to train on.
        tune: Boxes to measure on; never used for a gradient.
        start: Checkpoint of a detector; its layers are where the refiner begins, and its shape is
            the refiner's.
        folder: Where checkpoint and figures of this run are kept.
        device: What computes.
        recipe: Configuration.

    Returns:
        The network with averaged weights on the CPU, in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    detector = torch.load(start, weights_only=True, map_location="cpu")
    recipe = replace(recipe, shape=Shape(**detector["recipe"]["shape"]))
    network, average = RefinerNet(recipe.shape), RefinerNet(recipe.shape)
    own = network.state_dict()
    network.load_state_dict(own | {k: v for k, v in detector["average"].items() if k in own})
    run = Run(network, average, recipe, folder, device)
    random = Random(device)
    total = recipe.steps if recipe.minutes is None else None
    bar = tqdm(initial=run.step, total=total, mininterval=20)
    while run.progress < 1:
        rows = np.random.default_rng([recipe.seed, run.step]).choice(len(fit), recipe.batch)
        random.seed((recipe.seed << 40) + run.step)
        batch = _varied(_Batch.of(fit[np.sort(rows)], device), random)
        parts = _losses(network(as_input(batch.pixels)), batch)
        run.learn(parts[0] + 0.5 * parts[1] + 0.5 * parts[2], parts)
        bar.update()
        if run.step % _CHECKPOINT_STEPS == 0 or run.progress >= 1:
            run.keep(_measured(average, tune, device))
    return average.cpu().eval()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Crops with their targets as tensors; the fields are those of `Doubtful`."""

    pixels: Tensor
    is_face: Tensor
    counts: Tensor
    boxes: Tensor
    landmarks: Tensor
    seen: Tensor

    @classmethod
    def of(cls, some: Doubtful, device: torch.device) -> _Batch:
        parts = (some.is_face, some.counts, some.boxes, some.landmarks, some.seen)
        pixels = torch.from_numpy(np.ascontiguousarray(some.crops)).to(device)
        return cls(
            pixels.permute(0, 3, 1, 2).float(),
            *(torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in parts),
        )


def _varied(batch: _Batch, random: Random) -> _Batch:
    """The crops rotated, slightly scaled and moved, mirrored, in other light, some of them gray."""
    n, middle = len(batch.pixels), SIDE / 2
    wide, narrow = random.uniform(n, low=-1, high=1), random.normal(n, deviation=0.12)
    angle = torch.where(random.uniform(n) < _TURNED, wide, narrow)
    scale = torch.exp(random.normal(n, deviation=0.08))
    mirrored = random.uniform(n) < 0.5
    offset = random.normal(n, 2, deviation=2.5)
    flip = torch.where(mirrored, -1.0, 1.0)
    rows = [angle.cos() * flip, -angle.sin(), angle.sin() * flip, angle.cos()]
    matrix = (torch.stack(rows, -1) * scale[:, None]).reshape(n, 2, 2)
    inverse = torch.linalg.inv(matrix)
    shift = -(inverse @ offset[:, :, None]) / middle
    grid = F.affine_grid(torch.cat([inverse, shift], 2), [n, 3, SIDE, SIDE], align_corners=False)
    pixels = F.grid_sample(batch.pixels, grid, align_corners=False)
    gain = torch.exp(random.normal(n, 1, 1, 1, deviation=0.15))
    light = random.normal(n, 1, 1, 1, deviation=8)
    pixels = (pixels * gain + light * (pixels > 0)).clamp(0, 255)  # borders stay black
    gray = random.some(n, _GRAY)
    pixels[gray] = pixels[gray].mean(1, keepdim=True)

    def moved(points: Tensor) -> Tensor:
        return (points - middle) @ matrix.transpose(1, 2) + middle + offset[:, None]

    corners = batch.boxes.reshape(-1, 2, 2)
    # A face counts as the ellipse that fills its box, as in the views.
    half = (corners[:, 1] - corners[:, 0]) / 2
    reach = ((matrix**2) @ (half**2)[:, :, None])[..., 0].sqrt()
    centre = moved(corners.mean(1, keepdim=True))[:, 0]
    landmarks = moved(batch.landmarks)
    swapped = list(MIRRORED)
    return _Batch(
        pixels,
        batch.is_face,
        batch.counts,
        torch.cat([centre - reach, centre + reach], 1),
        torch.where(mirrored[:, None, None], landmarks[:, swapped], landmarks),
        torch.where(mirrored[:, None], batch.seen[:, swapped], batch.seen),
    )


def _losses(answers: Tensor, batch: _Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Of the score, of the box and of the landmarks, each a scalar."""
    each = F.binary_cross_entropy_with_logits(answers[:, 0], batch.is_face, reduction="none")
    score = (each * batch.counts).sum() / batch.counts.sum().clamp_min(1)
    faces = batch.is_face > 0
    boxes, found = batch.boxes[faces], answers[faces]
    size = (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp_min(1).sqrt()
    off = (found[:, 5:].reshape(-1, 5, 2) - batch.landmarks[faces]) / size[:, None, None]
    distance = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.05, reduction="none").sum(-1)
    seen = batch.seen[faces]
    many = faces.sum().clamp_min(1)
    return (
        score,
        (1 - giou(found[:, 1:5], boxes)).sum() / many,
        (distance * seen).sum() / seen.sum().clamp_min(1),
    )


@torch.no_grad()
def _measured(network: nn.Module, tune: Doubtful, device: torch.device) -> dict[str, float]:
    """Losses on the tuning slice."""
    network.eval()
    sums, many = torch.zeros(3), 0
    for first in range(0, len(tune), RECIPE.batch):
        batch = _Batch.of(tune[first : first + RECIPE.batch], device)
        sums += torch.stack(_losses(network(as_input(batch.pixels)), batch)).cpu()
        many += 1
    values = (sums / max(many, 1)).tolist()
    names = ("tuning_score", "tuning_box", "tuning_landmarks")
    return {name: round(value, 4) for name, value in zip(names, values, strict=True)}
