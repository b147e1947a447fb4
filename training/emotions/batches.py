"""The training batches: views of the crops, labels, teachers' scores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .augment import Augment
from .data import EMOTIONS, Faces, sampling_weights, soft_targets
from .network import half_precision
from .recipes import Recipe
from .restore import soup


class Batch(NamedTuple):
    """A batch.

    Attributes:
        views: float32 (N, 1, H, W), grey levels in 0..255.
        targets: float32 (N, 7), label distributions.
        weights: float32 (N,) in 0..1, share of the crowd that saw an emotion.
        fer: float32 (N, 7), the FER2013 class.
        scores: float32 (N, 7), the teachers' mean score; empty where there are no teachers.
    """

    views: Tensor
    targets: Tensor
    weights: Tensor
    fer: Tensor
    scores: Tensor


class Batches:
    """The batches of a run, epoch by epoch.

    Args:
        recipe: Configuration.
        fit: Crops to train on.
        runs: Where the runs of the teachers are kept.
    """

    def __init__(self, recipe: Recipe, fit: Faces, runs: Path) -> None:
        targets, weights = soft_targets(fit, recipe.rare_bonus, recipe.majority_share)
        self.recipe = recipe
        self.images = torch.from_numpy(fit.images)
        self.targets = torch.from_numpy(targets)
        self.weights = torch.from_numpy(weights)
        self.fer = torch.from_numpy(fit.fer2013)
        self.probabilities = sampling_weights(targets, recipe.balance)
        self.teachers = [(soup(shares, runs), share) for shares, share in recipe.teachers]
        self.repeated: list[Batch] = []

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.probabilities) // self.recipe.batch

    def epoch(self, number: int, side: int) -> Iterator[Batch]:
        """The batches of an epoch counted from 0, with views of `side` pixels.

        A teacher's answer costs more than a step of its student, so the batches of an epoch with
        teachers are used again in the next, mirrored and in another order.
        """
        seed = self.recipe.seed * 1000 + number
        if self.teachers and self.repeated and number % 2:
            for index in np.random.default_rng(seed).permutation(len(self.repeated)):
                batch = self.repeated[index]
                yield batch._replace(views=batch.views.float().flip(3))
            return
        self.repeated = []
        augments = cycle([Augment(strength, seed) for strength in self.recipe.strengths])
        for index, augment in zip(self._draw(seed), augments, strict=False):
            views = augment(self.images[index], side)
            targets, weights = self.targets[index], self.weights[index]
            fer = F.one_hot(self.fer[index], len(EMOTIONS)).float()
            if self.recipe.mix > torch.rand(()):
                views, targets, weights, fer = blend(views, targets, weights, fer)
            scores = self._scores(views) if self.teachers else torch.empty(0)
            batch = Batch(views, targets, weights, fer, scores)
            if self.teachers:
                small = views.round().to(torch.uint8)
                self.repeated.append(batch._replace(views=small))
            yield batch

    def _draw(self, seed: int) -> Tensor:
        """Indices (steps, batch): common crops at most once an epoch, rare ones more often."""
        rng = np.random.default_rng(seed)
        count = len(self) * self.recipe.batch
        # Systematic sampling: every crop gets the floor or the ceiling of its expected draws.
        order = rng.permutation(len(self.probabilities))
        edges = np.cumsum(self.probabilities[order])
        points = (np.arange(count) + rng.random()) / count
        chosen = order[np.minimum(np.searchsorted(edges, points), len(order) - 1)]
        return torch.from_numpy(rng.permutation(chosen)).view(len(self), self.recipe.batch)

    @torch.no_grad()
    def _scores(self, views: Tensor) -> Tensor:
        views = views.to(memory_format=torch.channels_last)
        with half_precision():
            parts = [s * teacher(views).float().softmax(dim=1) for teacher, s in self.teachers]
        return torch.stack(parts).sum(0) / sum(share for _, share in self.teachers)


def blend(*tensors: Tensor) -> list[Tensor]:
    """Mixes every row of every tensor (N, ...) with the same other row, which weighs less."""
    share = 0.5 + 0.5 * torch.rand(())
    other = torch.randperm(len(tensors[0]))
    return [share * tensor + (1 - share) * tensor[other] for tensor in tensors]
