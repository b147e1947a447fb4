"""One training run: progressive views, averaged weights, a checkpoint every epoch."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from .batches import Batches
from .data import Faces, majority
from .evaluate import summary
from .far import FarBatches
from .mobilenet import FaceMobileNet
from .network import half_precision, predict
from .optim import Muon
from .plots import curves
from .recipes import Recipe
from .restore import Network, build, soup

log = logging.getLogger(__name__)


class Average:
    """Exponential moving average of weights and buffers (Polyak averaging)."""

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Moves the average towards the network; faster in the first steps."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


def train(
    recipe: Recipe,
    fit: Faces,
    tune: Faces,
    folder: Path,
    runs: Path,
    unlabelled: npt.NDArray[np.uint8] | None = None,
) -> Network:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        recipe: Configuration.
        fit: Crops to train on.
        tune: Crops to measure on; never used for a gradient.
        folder: Where checkpoint, log and curves of this run are kept.
        runs: Where the runs that the recipe starts from or learns from are kept.
        unlabelled: uint8 (M, 48, 48), crops without labels, for recipes that want some.

    Returns:
        The network with averaged weights, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = build(recipe)
    _load_start(network, recipe, runs, torch.from_numpy(fit.images[::60])[:, None].float())
    average = Average(network, recipe.ema)
    optimisers = _optimisers(network, recipe)
    checkpoint = folder / "checkpoint.pt"
    history = _resume(checkpoint, network, optimisers, average) if checkpoint.exists() else []
    batches = _batches(recipe, fit, unlabelled, runs)
    for epoch in range(len(history), recipe.epochs):
        row = _epoch(recipe, epoch, network, average, optimisers, batches)
        row |= _measure(recipe, average, tune)
        history.append(row)
        log.info("%s %s", folder.name, row)
        _save(checkpoint, recipe, network, optimisers, average, history)
        (folder / "history.json").write_text(json.dumps(history, indent=1))
        curves(history, folder / "curves.png")
    return soup({folder.name: 1.0}, runs)


def _load_start(network: Network, recipe: Recipe, runs: Path, some: Tensor) -> None:
    """Loads the weights that a run starts from, and freezes the layers it does not train.

    Args:
        network: Gets the weights.
        recipe: Says which.
        runs: Where they are.
        some: float32 (N, 1, 48, 48), crops to compare with where layers are made narrower.
    """
    if recipe.start:
        start = soup(recipe.start, runs)
        if (
            isinstance(start, FaceMobileNet)
            and isinstance(network, FaceMobileNet)
            and start.end > network.end
        ):
            network.load_wider(start, some)
        else:
            network.load_state_dict(start.state_dict())
    elif isinstance(network, FaceMobileNet):
        network.load_faces(runs / "pretrained", some)
    if isinstance(network, FaceMobileNet):
        network.freeze(recipe.frozen)


def _resume(
    checkpoint: Path,
    network: Network,
    optimisers: list[torch.optim.Optimizer],
    average: Average,
) -> list[dict[str, Any]]:
    """Loads what `_save` wrote; returns a row for each epoch that is done."""
    state = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(state["network"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    average.state, average.steps = state["average"], state["steps"]
    history: list[dict[str, Any]] = state["history"]
    log.info("resuming %s at epoch %d", checkpoint.parent.name, len(history))
    return history


def _save(
    checkpoint: Path,
    recipe: Recipe,
    network: Network,
    optimisers: list[torch.optim.Optimizer],
    average: Average,
    history: list[dict[str, Any]],
) -> None:
    temporary = checkpoint.with_suffix(".tmp")
    torch.save(
        {
            "recipe": asdict(recipe),
            "network": network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "average": average.state,
            "steps": average.steps,
            "history": history,
        },
        temporary,
    )
    temporary.replace(checkpoint)


def _batches(
    recipe: Recipe, fit: Faces, unlabelled: npt.NDArray[np.uint8] | None, runs: Path
) -> Batches | FarBatches:
    if not recipe.unlabelled:
        return Batches(recipe, fit, runs)
    if unlabelled is None:
        raise ValueError("the recipe needs faces without labels")
    return FarBatches(recipe, fit, unlabelled, runs)


def _optimisers(network: Network, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the matrices of the body and SGD for heads, scales and biases."""
    learning = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    body = [p for n, p in learning if p.ndim > 1 and "head" not in n]
    heads = [p for n, p in learning if p.ndim > 1 and "head" in n]
    vectors = [p for _, p in learning if p.ndim <= 1]
    optimisers: list[torch.optim.Optimizer]
    if recipe.adamw:
        rate = recipe.adamw
        every: list[dict[str, Any]] = [
            {"params": heads, "lr": 2 * rate, "weight_decay": 0.02},
            {"params": body, "lr": rate, "weight_decay": 0.05},
            {"params": vectors, "lr": rate, "weight_decay": 0.0},
        ]
        optimisers = [torch.optim.AdamW(every)]
    else:
        groups = [
            {"params": heads, "weight_decay": recipe.decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        sgd = torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=True)
        optimisers = [Muon(body, recipe.muon), sgd]
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return optimisers


def _schedule(recipe: Recipe, progress: float) -> float:
    """Share of the peak rate: a linear rise, then a cosine to zero."""
    if progress < recipe.warmup:
        return 0.05 + 0.95 * progress / recipe.warmup
    rest = (progress - recipe.warmup) / (1 - recipe.warmup)
    return 0.5 * (1 + math.cos(math.pi * rest))


def _epoch(
    recipe: Recipe,
    epoch: int,
    network: Network,
    average: Average,
    optimisers: list[torch.optim.Optimizer],
    batches: Batches | FarBatches,
) -> dict[str, Any]:
    torch.manual_seed(recipe.seed * 1000 + epoch)
    size = recipe.size(epoch)
    shown = batches.epoch(epoch, network.views(size))
    network.train()
    started, losses = time.perf_counter(), 0.0
    for step in tqdm(range(len(batches)), desc=f"epoch {epoch + 1}", mininterval=20):
        progress = (epoch + step / len(batches)) / (recipe.horizon or recipe.epochs)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _schedule(recipe, progress)
        batch = next(shown)
        with half_precision():
            views = batch.views.to(memory_format=torch.channels_last)
            logits, fer_logits = network.both(views)
        loss = _loss(logits, batch.targets, batch.weights)
        if len(batch.scores):
            distilled = _loss(logits, batch.scores, torch.ones_like(batch.weights))
            loss = recipe.teacher_weight * distilled + (1 - recipe.teacher_weight) * loss
        loss = loss + recipe.fer_share * _loss(fer_logits, batch.fer, batch.weights)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        average.update(network)
        losses += loss.item()
    return {
        "epoch": epoch + 1,
        "size": size,
        "loss": round(losses / len(batches), 4),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    each = F.cross_entropy(logits.float(), targets, reduction="none")
    return (each * weights).sum() / weights.sum().clamp_min(1e-6)


def _measure(recipe: Recipe, average: Average, tune: Faces) -> dict[str, Any]:
    network = build(recipe)
    network.load_state_dict(average.state)
    return summary(predict(network.eval(), tune.images), majority(tune), tune.fer2013)
