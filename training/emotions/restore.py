"""Networks as the recipes describe them, empty or with the weights of finished runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .mobilenet import FaceMobileNet
from .network import EmotionNet
from .recipes import RECIPES, Recipe

Network = EmotionNet | FaceMobileNet


def build(recipe: Recipe) -> Network:
    """A network as the recipe describes it, weights not loaded."""
    network: Network
    if recipe.widths:
        network = EmotionNet(recipe.widths, recipe.depths, recipe.dropout)
    else:
        network = FaceMobileNet(recipe.size(recipe.epochs), recipe.dropout, recipe.end)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def soup(shares: Mapping[str, float], runs: Path) -> Network:
    """The weighted mean of the averaged weights of runs, in evaluation mode.

    Runs that start from one network may end in one basin, where their mean generalises better than
    each (Wortsman et al. 2022, "Model soups"). The statistics of the batch normalisation are
    averaged like the weights; measuring them afresh was worse (see RUNS.md).

    Args:
        shares: Runs of one architecture and one start, finished or not, with their shares.
        runs: Folder of the runs.
    """
    states: list[dict[str, Tensor]] = [
        torch.load(runs / name / "checkpoint.pt", weights_only=True)["average"] for name in shares
    ]
    total = sum(shares.values())
    mean: dict[str, Tensor] = {}
    for key, value in states[0].items():
        parts = [
            share / total * state[key].float()
            for state, share in zip(states, shares.values(), strict=True)
        ]
        mean[key] = torch.stack(parts).sum(0).to(value.dtype)
    network = build(RECIPES[next(iter(shares))])
    network.load_state_dict(mean)
    return network.eval()
