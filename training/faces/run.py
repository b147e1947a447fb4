"""A training run: its configuration, and its state, which is kept in a folder."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .network import Shape

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
        batch: Views or crops per step.
        side: Of each, in pixels.
        rate, decay: Of AdamW.
        ema: Decay of the averaged weights per step.
        seed: Of weights and data.
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


class Run:
    """Weights, averaged weights, optimiser and figures, continued from the last checkpoint.

    AdamW; the average is that of B. Polyak and A. Juditsky, "Acceleration of stochastic
    approximation by averaging", 1992, over the last steps.

    Attributes:
        step: Steps done.
        minutes: What they took.
        history: One row of figures per checkpoint.
    """

    def __init__(
        self,
        network: nn.Module,
        average: nn.Module,
        recipe: Recipe,
        folder: Path,
        device: torch.device,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = average.to(device)
        average.load_state_dict(network.state_dict())
        self._optimiser = torch.optim.AdamW(_groups(network, recipe.decay), fused=True)
        self._recipe, self._folder = recipe, folder
        self.history: list[dict[str, Any]] = []
        self.step, self.minutes = 0, 0.0
        self._checkpoint = folder / "checkpoint.pt"
        if self._checkpoint.exists():
            state = torch.load(self._checkpoint, weights_only=True, map_location=device)
            network.load_state_dict(state["network"])
            average.load_state_dict(state["average"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.history, self.step = state["history"], state["step"]
            self.minutes = state["minutes"]
            log.info("resuming at step %d", self.step)
        self._started = time.perf_counter() - self.minutes * 60
        self._sums = torch.zeros(3, device=device)
        network.train()

    @property
    def progress(self) -> float:
        """Share of the run that is over."""
        return self._recipe.progress(self.step, self.minutes)

    def learn(self, total: Tensor, parts: tuple[Tensor, Tensor, Tensor]) -> None:
        """One step.

        Args:
            total: The loss to be minimised.
            parts: Losses of score, box and landmarks, for the figures.
        """
        share = self._recipe.schedule(self.step, self.progress)
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.rate * share
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
        self._optimiser.step()
        decay = min(self._recipe.ema, (self.step + 1) / (self.step + 10))
        _update_average(self._average, self._network, decay)
        self._sums += torch.stack(parts).detach()
        self.step += 1
        self.minutes = (time.perf_counter() - self._started) / 60

    def keep(self, figures: dict[str, float]) -> None:
        """Adds a row of figures and writes a checkpoint."""
        steps = self.step - (self.history[-1]["step"] if self.history else 0)
        row = {
            "step": self.step,
            "losses": [round(value / steps, 4) for value in self._sums.tolist()],
            "minutes": round(self.minutes, 2),
            **figures,
        }
        self.history.append(row)
        log.info("%s", row)
        self._sums.zero_()
        state = {
            "recipe": asdict(self._recipe),
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "history": self.history,
            "step": self.step,
            "minutes": self.minutes,
        }
        unfinished = self._checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)
        (self._folder / "history.json").write_text(json.dumps(self.history, indent=1))


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    means, values = average.state_dict().values(), network.state_dict().values()
    floating = [(m, v) for m, v in zip(means, values, strict=True) if v.is_floating_point()]
    torch._foreach_lerp_([m for m, _ in floating], [v for _, v in floating], 1 - decay)
