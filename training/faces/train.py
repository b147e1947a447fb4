"""One training run: AdamW, averaged weights, a checkpoint every few minutes."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm  # type: ignore[import-untyped]

from .augment import Batch, Views
from .data import Photos
from .evaluate import Found, from_cells, in_two_views, judge_all, summary, threshold_for
from .losses import Targets, cells_within, losses
from .network import FaceNet, Shape, centres
from .plots import curves
from .teacher import Teacher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Configuration of a run.

    Attributes:
        steps: Batches in all.
        minutes: If given, the run ends after so long instead, for a machine lent for a time.
        falling_from: Share of the run from which the rate falls to zero; until then it stays at its
            peak (A. Hägele et al., "Scaling laws and compute-optimal training beyond fixed training
            durations", 2024).
        warmup: Steps in which the rate rises.
        batch: Views per step.
        side: Of the views, in pixels.
        rate, decay: Of AdamW.
        ema: Decay of the averaged weights per step.
        seed: Of weights and views.
        shape: Of the network.
    """

    steps: int = 16000
    minutes: float | None = None
    falling_from: float = 0.5
    warmup: int = 300
    batch: int = 32
    side: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    ema: float = 0.998
    seed: int = 1
    shape: Shape = field(default_factory=Shape)

    def progress(self, step: int, minutes: float) -> float:
        """Share of the run that is over, from the steps or the minutes so far."""
        return step / self.steps if self.minutes is None else min(minutes / self.minutes, 1.0)

    def schedule(self, step: int, progress: float) -> float:
        """Share of the peak rate."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        rest = max(progress - self.falling_from, 0.0) / (1 - self.falling_from)
        return 0.5 * (1 + math.cos(math.pi * rest))


class _Taught(IterableDataset[tuple[Batch, Tensor]]):
    """The views of each step, from `first` on, with the teacher's answers."""

    def __init__(self, views: Views, teacher: Teacher, batch: int, first: int) -> None:
        self._views, self._teacher = views, teacher
        self._batch, self._first = batch, first

    def __iter__(self) -> Iterator[tuple[Batch, Tensor]]:
        for step in count(self._first):
            batch = self._views.draw(step, self._batch)
            yield batch, self._teacher(batch.clear)


def _prepared(taught: _Taught, device: torch.device) -> Iterable[tuple[Batch, Tensor]]:
    """Views made where they are used, or on a CPU by a process of their own."""
    if device.type == "cuda":
        return taught
    return DataLoader(
        taught, batch_size=None, num_workers=1, prefetch_factor=4, worker_init_fn=_give_way
    )


def _give_way(_: int) -> None:
    torch.set_num_threads(1)
    os.nice(5)  # training has priority over preparing views


def _targets(batch: Batch, answers: Tensor, points: Tensor) -> Targets:
    """The labels, and the teacher's answers without what it sees where there is no face."""
    empty = cells_within(batch.empty, batch.empty_image, points, len(answers))
    answers[..., 0].masked_fill_(empty, 0.0)
    return Targets(
        image=batch.image,
        boxes=batch.boxes,
        landmarks=batch.landmarks,
        seen=batch.seen,
        is_face=batch.is_face,
        teacher=answers,
    )


def train(
    recipe: Recipe,
    fit: Photos,
    tune: Photos,
    teacher: Path,
    folder: Path,
    device: torch.device,
    every: int = 1000,
) -> FaceNet:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        recipe: Configuration.
        fit: Images to train on.
        tune: Images to measure on; never used for a gradient.
        teacher: YuNet's ONNX file.
        folder: Where checkpoint, log and curves of this run are kept.
        device: What computes views, teacher and network.
        every: Steps between two checkpoints.

    Returns:
        The network with averaged weights on the CPU, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = FaceNet(recipe.shape).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = FaceNet(recipe.shape).to(device)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(_groups(network, recipe), fused=True)
    history: list[dict[str, Any]] = []
    step, minutes = 0, 0.0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        history, step, minutes = state["history"], state["step"], state["minutes"]
        log.info("resuming at step %d", step)
    views = Views(fit, side=recipe.side, seed=recipe.seed, device=device)
    taught = Teacher(teacher).to(device)
    points, strides = (part.to(device) for part in centres(recipe.side, recipe.side))
    sums, started = torch.zeros(3, device=device), time.perf_counter() - minutes * 60
    total = recipe.steps if recipe.minutes is None else None
    bar = tqdm(initial=step, total=total, mininterval=20)
    network.train()
    prepared = iter(_prepared(_Taught(views, taught, recipe.batch, step), device))
    while recipe.progress(step, minutes) < 1:
        batch, answers = next(prepared)
        for group in optimiser.param_groups:
            share = recipe.schedule(step, recipe.progress(step, minutes))
            group["lr"] = recipe.rate * share
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            scaled = (batch.pixels / 255).contiguous(memory_format=torch.channels_last)
            cells = network(scaled).float()
        parts = losses(cells, points, strides, _targets(batch, answers, points))
        optimiser.zero_grad()
        parts.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _update_average(average, network, min(recipe.ema, (step + 1) / (step + 10)))
        sums += torch.stack([parts.score, parts.box, parts.landmarks]).detach()
        step += 1
        minutes = (time.perf_counter() - started) / 60
        bar.update()
        if step % every == 0 or recipe.progress(step, minutes) >= 1:
            judged = judge_all(in_two_views(finder(average)), tune)
            steps = step - (history[-1]["step"] if history else 0)  # the last row may have fewer
            row = {
                "step": step,
                "losses": [round(value / steps, 4) for value in sums.tolist()],
                "minutes": round(minutes, 2),
                **summary(judged, threshold_for(judged, len(tune) // 27)),
            }
            history.append(row)
            log.info("%s", row)
            sums.zero_()
            state = {
                "recipe": asdict(recipe),
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "history": history,
                "step": step,
                "minutes": minutes,
            }
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
            (folder / "history.json").write_text(json.dumps(history, indent=1))
            curves(history, folder / "curves.png")
    return average.cpu().eval()


def _groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Moves the averaged weights towards those of the network (Polyak averaging)."""
    means, values = average.state_dict().values(), network.state_dict().values()
    floating = [(m, v) for m, v in zip(means, values, strict=True) if v.is_floating_point()]
    torch._foreach_lerp_([m for m, _ in floating], [v for _, v in floating], 1 - decay)


def finder(network: FaceNet, least: float = 0.05) -> Any:
    """A function that finds faces in RGB pixels with the network."""
    device = next(network.parameters()).device

    @torch.no_grad()
    def find(pixels: NDArray[np.uint8]) -> Found:
        network.eval()
        cells = network(torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None] / 255)[0]
        cells[:, 0].sigmoid_()
        points, _ = centres(*pixels.shape[:2])
        return from_cells(cells.cpu().numpy(), points.numpy(), least)

    return find
