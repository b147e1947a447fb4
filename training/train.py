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
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from .augment import Augment
from .data import Faces, majority, sampling_weights, soft_targets
from .evaluate import summary
from .network import EmotionNet
from .optim import Muon
from .plots import curves
from .recipes import Recipe

log = logging.getLogger(__name__)


class Average:
    """Exponential moving average of weights and buffers (Polyak averaging)."""

    def __init__(self, network: EmotionNet, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: EmotionNet) -> None:
        """Moves the average towards the network; faster in the first steps."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


def build(recipe: Recipe) -> EmotionNet:
    """A network as the recipe describes it, weights not loaded."""
    network = EmotionNet(recipe.widths, recipe.depths, recipe.dropout)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_network(recipe: Recipe, folder: Path) -> EmotionNet:
    """The averaged network of a run, finished or not, in evaluation mode."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    network = build(recipe)
    network.load_state_dict(state["average"])
    return network.eval()


def train(recipe: Recipe, fit: Faces, tune: Faces, folder: Path, runs: Path) -> EmotionNet:
    """Trains a run to its end, from its last checkpoint where there is one.

    Args:
        recipe: Configuration.
        fit: Crops to train on.
        tune: Crops to watch; they never give a gradient.
        folder: Where checkpoint, log and curves of this run are kept.
        runs: Where the run that the recipe starts from is kept.

    Returns:
        The network with averaged weights, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = build(recipe)
    if recipe.start:
        network.load_state_dict(_finished(runs / recipe.start))
    average = Average(network, recipe.ema)
    optimisers = _optimisers(network, recipe)
    history: list[dict[str, Any]] = []
    first = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        average.state, average.steps = state["average"], state["steps"]
        history, first = state["history"], state["epoch"]
        log.info("resuming %s at epoch %d", folder.name, first)
    batches = _Batches(recipe, fit)
    for epoch in range(first, recipe.epochs):
        row = _epoch(recipe, epoch, network, average, optimisers, batches)
        row |= _watch(recipe, average, tune)
        history.append(row)
        log.info("%s %s", folder.name, row)
        temporary = checkpoint.with_suffix(".tmp")
        torch.save(
            {
                "recipe": asdict(recipe),
                "network": network.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in optimisers],
                "average": average.state,
                "steps": average.steps,
                "history": history,
                "epoch": epoch + 1,
            },
            temporary,
        )
        temporary.replace(checkpoint)
        (folder / "history.json").write_text(json.dumps(history, indent=1))
        curves(history, folder / "curves.png")
    return load_network(recipe, folder)


def _finished(folder: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)["average"]
    return state


def _optimisers(network: EmotionNet, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the body, SGD for heads, gains and offsets."""
    body = [p for n, p in network.named_parameters() if p.ndim > 1 and "head" not in n]
    heads = [p for n, p in network.named_parameters() if p.ndim > 1 and "head" in n]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    muon = Muon(body, recipe.muon)
    groups = [
        {"params": heads, "weight_decay": recipe.decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    sgd = torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=True)
    for optimiser in (muon, sgd):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, sgd]


def _pace(recipe: Recipe, progress: float) -> float:
    """Share of the peak rate: a linear rise, then a cosine to zero."""
    if progress < recipe.warmup:
        return 0.05 + 0.95 * progress / recipe.warmup
    rest = (progress - recipe.warmup) / (1 - recipe.warmup)
    return 0.5 * (1 + math.cos(math.pi * rest))


class _Batches:
    """The training crops as tensors, and the draw of an epoch."""

    def __init__(self, recipe: Recipe, fit: Faces) -> None:
        targets, weights = soft_targets(fit, recipe.rare_bonus, recipe.majority_share)
        self.images = torch.from_numpy(fit.images)
        self.targets = torch.from_numpy(targets)
        self.weights = torch.from_numpy(weights)
        self.fer = torch.from_numpy(fit.fer2013)
        self.odds = sampling_weights(targets, recipe.balance)

    def draw(self, seed: int, batch: int) -> Tensor:
        """Indices (steps, batch): common crops at most once an epoch, rare ones as due."""
        rng = np.random.default_rng(seed)
        steps = len(self.odds) // batch
        count = steps * batch
        # Systematic sampling: every crop gets the floor or the ceiling of its expected draws.
        order = rng.permutation(len(self.odds))
        edges = np.cumsum(self.odds[order])
        points = (np.arange(count) + rng.random()) / count
        chosen = order[np.minimum(np.searchsorted(edges, points), len(order) - 1)]
        return torch.from_numpy(rng.permutation(chosen)).view(steps, batch)


def _epoch(
    recipe: Recipe,
    epoch: int,
    network: EmotionNet,
    average: Average,
    optimisers: list[torch.optim.Optimizer],
    batches: _Batches,
) -> dict[str, Any]:
    seed = recipe.seed * 1000 + epoch
    torch.manual_seed(seed)
    augment = Augment(recipe.strength, seed)
    size = recipe.size(epoch)
    draw = batches.draw(seed, recipe.batch)
    network.train()
    started, losses, spent = time.perf_counter(), 0.0, 0.0
    for step, index in enumerate(tqdm(draw, desc=f"epoch {epoch + 1}", mininterval=20)):
        progress = (epoch + step / len(draw)) / (recipe.horizon or recipe.epochs)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _pace(recipe, progress)
        before = time.perf_counter()
        views = augment(batches.images[index], size)
        targets, weights = batches.targets[index], batches.weights[index]
        fer = F.one_hot(batches.fer[index], targets.shape[1]).float()
        views = views.to(memory_format=torch.channels_last)
        spent += time.perf_counter() - before
        with torch.autocast("cpu", torch.bfloat16):
            logits, fer_logits = network.both(views)
        loss = _loss(logits, targets, weights)
        loss = loss + recipe.fer_share * _loss(fer_logits, fer, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        average.update(network)
        losses += loss.item()
    seconds = time.perf_counter() - started
    return {
        "epoch": epoch + 1,
        "size": size,
        "loss": round(losses / len(draw), 4),
        "seconds": round(seconds, 1),
        "augment_share": round(spent / seconds, 3),
    }


def _loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    each = F.cross_entropy(logits.float(), targets, reduction="none")
    return (each * weights).sum() / weights.sum().clamp_min(1e-6)


def _watch(recipe: Recipe, average: Average, tune: Faces) -> dict[str, Any]:
    network = build(recipe)
    network.load_state_dict(average.state)
    return summary(predict(network.eval(), tune.images), majority(tune), tune.fer2013)


@torch.no_grad()
def predict(network: nn.Module, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """Logits float32 (N, 7) of uint8 crops (N, 48, 48), as they are, no augmentation."""
    parts = []
    for start in range(0, len(images), batch):
        faces = torch.from_numpy(images[start : start + batch])[:, None].float()
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(network(faces.to(memory_format=torch.channels_last)).float())
    return torch.cat(parts).numpy()
