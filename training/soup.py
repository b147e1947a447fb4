"""Averages runs that began at the same weights into one network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .network import EmotionNet
from .recipes import RECIPES
from .train import load_network


def soup(shares: Mapping[str, float], runs: Path) -> EmotionNet:
    """The weighted mean of several runs' weights, in evaluation mode.

    Runs that start from one network may end in one basin, where their mean generalises better than
    each (Wortsman et al. 2022, "Model soups"). The statistics of the batch normalisation are
    averaged like the weights; measuring them afresh was worse (see RUNS.md).

    Args:
        shares: Finished runs of one architecture and one start, with their shares of the mean.
        runs: Folder of the runs.
    """
    networks = [load_network(RECIPES[name], runs / name) for name in shares]
    total = sum(shares.values())
    mean: dict[str, Tensor] = {}
    for key, value in networks[0].state_dict().items():
        parts = [
            share / total * network.state_dict()[key].float()
            for network, share in zip(networks, shares.values(), strict=True)
        ]
        mean[key] = torch.stack(parts).sum(0).to(value.dtype)
    network = networks[0]
    network.load_state_dict(mean)
    return network.eval()
