"""One training run: AdamW, averaged weights, a checkpoint every few minutes."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm  # type: ignore[import-untyped]

from .augment import View, Views
from .data import Photos
from .evaluate import Found, from_cells, in_two_views, judge_all, summary, threshold_for
from .losses import Targets, losses
from .network import FaceNet, Shape, centres
from .plots import curves
from .teacher import Teacher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Configuration of a run.

    Attributes:
        steps: Batches in all.
        falling_from: Step from which the rate falls to zero; until then it stays at its peak, so
            that a run can be shortened or extended while it runs (A. Hägele et al., "Scaling laws
            and compute-optimal training beyond fixed training durations", 2024).
        warmup: Steps in which the rate rises.
        batch: Views per step.
        side: Of the views, in pixels.
        rate, decay: Of AdamW.
        ema: Decay of the averaged weights per step.
        seed: Of weights and views.
        shape: Of the network.
    """

    steps: int = 16000
    falling_from: int = 8000
    warmup: int = 300
    batch: int = 32
    side: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    ema: float = 0.998
    seed: int = 1
    shape: Shape = field(default_factory=Shape)

    def schedule(self, step: int) -> float:
        """Share of the peak rate at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step < self.falling_from:
            return 1.0
        rest = (step - self.falling_from) / max(self.steps - self.falling_from, 1)
        return 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


class _TaughtViews(Dataset[tuple[View, NDArray[np.float32]]]):
    """Views, each with the teacher's answers."""

    def __init__(self, views: Views, teacher: Path) -> None:
        self._views, self._path = views, teacher
        self._teacher: Teacher | None = None

    def __getitem__(self, number: int) -> tuple[View, NDArray[np.float32]]:
        if self._teacher is None:  # in the worker process
            self._teacher = Teacher(self._path)
        view = self._views.view(number)
        answers = self._teacher(view.pixels)
        points = centres(*view.pixels.shape[:2])[0].numpy()
        for left, top, right, bottom in view.empty:
            inside = (points > (left, top)).all(1) & (points < (right, bottom)).all(1)
            answers[inside, 0] = 0.0
        return view, answers


class _Batches(Sampler[list[int]]):
    """The view numbers of each step, from `first` on."""

    def __init__(self, recipe: Recipe, first: int) -> None:
        self._recipe, self._first = recipe, first

    def __iter__(self) -> Iterator[list[int]]:
        batch = self._recipe.batch
        for step in range(self._first, self._recipe.steps):
            yield list(range(step * batch, (step + 1) * batch))


def _start_worker(_: int) -> None:
    cv2.setNumThreads(1)
    os.nice(5)  # training has priority over preparing views


def _collate(taught: list[tuple[View, NDArray[np.float32]]]) -> tuple[Tensor, Targets]:
    views = [view for view, _ in taught]
    counts = [len(view.boxes) for view in views]
    return torch.from_numpy(np.stack([view.pixels for view in views])), Targets(
        image=torch.from_numpy(np.repeat(np.arange(len(views)), counts)),
        boxes=torch.from_numpy(np.concatenate([view.boxes for view in views])),
        landmarks=torch.from_numpy(np.concatenate([view.landmarks for view in views])),
        seen=torch.from_numpy(np.concatenate([view.seen for view in views])),
        is_face=torch.from_numpy(np.concatenate([view.is_face for view in views])),
        teacher=torch.from_numpy(np.stack([answers for _, answers in taught])),
    )


def train(
    recipe: Recipe, fit: Photos, tune: Photos, teacher: Path, folder: Path, every: int = 1000
) -> FaceNet:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        recipe: Configuration.
        fit: Images to train on.
        tune: Images to measure on; never used for a gradient.
        teacher: YuNet's ONNX file.
        folder: Where checkpoint, log and curves of this run are kept.
        every: Steps between two checkpoints.

    Returns:
        The network with averaged weights, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = FaceNet(recipe.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = FaceNet(recipe.shape)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(_groups(network, recipe), lr=recipe.rate)
    history: list[dict[str, Any]] = []
    first = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        history, first = state["history"], state["step"]
        log.info("resuming at step %d", first)
    views = Views(fit, side=recipe.side, seed=recipe.seed)
    batches = DataLoader(
        _TaughtViews(views, teacher),
        batch_sampler=_Batches(recipe, first),
        collate_fn=_collate,
        num_workers=1,
        prefetch_factor=6,
        worker_init_fn=_start_worker,
    )
    points, strides = centres(recipe.side, recipe.side)
    sums, started = np.zeros(3), time.perf_counter()
    network.train()
    bar = tqdm(batches, initial=first, total=recipe.steps, mininterval=20)
    for step, (pixels, targets) in enumerate(bar, first):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * recipe.schedule(step)
        scaled = pixels.permute(0, 3, 1, 2) / 255  # channels last already
        parts = losses(network(scaled), points, strides, targets)
        optimiser.zero_grad()
        parts.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _update_average(average, network, min(recipe.ema, (step + 1) / (step + 10)))
        sums += [parts.score.item(), parts.box.item(), parts.landmarks.item()]
        if (step + 1) % every == 0 or step + 1 == recipe.steps:
            judged = judge_all(in_two_views(finder(average)), tune)
            row = {
                "step": step + 1,
                "losses": [round(float(value) / every, 4) for value in sums],
                "seconds": round(time.perf_counter() - started, 1),
                **summary(judged, threshold_for(judged, len(tune) // 27)),
            }
            history.append(row)
            log.info("%s", row)
            sums, started = np.zeros(3), time.perf_counter()
            state = {
                "recipe": asdict(recipe),
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "history": history,
                "step": step + 1,
            }
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
            (folder / "history.json").write_text(json.dumps(history, indent=1))
            curves(history, folder / "curves.png")
    return average.eval()


def _groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Moves the averaged weights towards those of the network (Polyak averaging)."""
    for mean, value in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if value.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def finder(network: FaceNet, least: float = 0.05) -> Any:
    """A function that finds faces in RGB pixels with the network."""

    @torch.no_grad()
    def find(pixels: NDArray[np.uint8]) -> Found:
        network.eval()
        cells = network(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)[0]
        cells[:, 0].sigmoid_()
        points, _ = centres(*pixels.shape[:2])
        return from_cells(cells.numpy(), points.numpy(), least)

    return find
