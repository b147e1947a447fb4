"""Training the detector on views, with the teacher's answers as targets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm  # type: ignore[import-untyped]

from adapters.onnx.face_candidates import FaceCandidates, candidates_of

from .augment import Batch, Views
from .data import Photos
from .evaluate import SAME_FACE, Finder, in_two_views, judge_all, summary, threshold_for
from .losses import Targets, cells_within, losses
from .network import STRIDES, FaceNet, as_input, centres
from .plots import curves
from .run import Recipe, Run
from .teacher import Teacher

_CHECKPOINT_STEPS = 1000


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
) -> FaceNet:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        recipe: Configuration.
        fit: Images to train on.
        tune: Images to measure on; never used for a gradient.
        teacher: YuNet's ONNX file.
        folder: Where checkpoint, log and curves of this run are kept.
        device: What computes views, teacher and network.

    Returns:
        The network with averaged weights on the CPU, in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    network, average = FaceNet(recipe.shape), FaceNet(recipe.shape)
    run = Run(network, average, recipe, folder, device)
    views = Views(fit, side=recipe.side, seed=recipe.seed, device=device)
    taught = Teacher(teacher).to(device)
    points, strides = (part.to(device) for part in centres(recipe.side, recipe.side))
    total = recipe.steps if recipe.minutes is None else None
    bar = tqdm(initial=run.step, total=total, mininterval=20)
    prepared = iter(_prepared(_Taught(views, taught, recipe.batch, run.step), device))
    while run.progress < 1:
        batch, answers = next(prepared)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            cells = network(as_input(batch.pixels)).float()
        parts = losses(cells, points, strides, _targets(batch, answers, points))
        run.learn(parts.total, (parts.score, parts.box, parts.landmarks))
        bar.update()
        if run.step % _CHECKPOINT_STEPS == 0 or run.progress >= 1:
            judged = judge_all(in_two_views(finder(average)), tune)
            run.keep(summary(judged, threshold_for(judged, len(tune) // 27)))
            curves(run.history, folder / "curves.png")
    return average.cpu().eval()


def finder(network: FaceNet, least: float = 0.05) -> Finder:
    """A function that finds faces in RGB pixels with the network."""
    device = next(network.parameters()).device

    @torch.no_grad()
    def find(pixels: NDArray[np.uint8]) -> FaceCandidates:
        network.eval()
        image = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None]
        cells = network.encoded(image / 255)[0].cpu().numpy()
        shape = (pixels.shape[0], pixels.shape[1])
        return candidates_of(cells, shape, STRIDES, least=least, iou=SAME_FACE)

    return find
